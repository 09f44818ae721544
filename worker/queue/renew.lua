-- renew.lua: a worker says that it still works on its jobs.
-- ARGV 1 lease in ms; then job and token of each. Answer: for each "ok", "lost" (another has it, or it is over: stop,
-- say nothing) or "cancel" (a person wants it to end: stop, and end it as cancelled).
local until_ms, answers = now_ms() + ARGV[1], {}
for i = 2, #ARGV, 2 do
	local token, cancel = unpack(call('HMGET', job_key(ARGV[i]), 'token', 'cancel'))
	local mine = token == ARGV[i + 1]
	if mine then
		call('ZADD', q .. 'leases', 'XX', until_ms, ARGV[i])
	end
	answers[#answers + 1] = mine and (cancel and 'cancel' or 'ok') or 'lost'
end
return answers
