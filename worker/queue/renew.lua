-- renew.lua: a worker says that it still works on its jobs.
-- ARGV 1 lease in ms  2 one character for each job: "s" when it stalls (no progress for too long), "-" when it does not;
-- then job and token of each. Answer: for each "ok", "lost" (another has it, or it is over: stop,
-- say nothing) or "cancel" (a person wants it to end: stop, and end it as cancelled).
local until_ms, answers = now_ms() + ARGV[1], {}
for i = 3, #ARGV, 2 do
	local token, cancel = unpack(call('HMGET', job_key(ARGV[i]), 'token', 'cancel'))
	local mine = token == ARGV[i + 1]
	if mine then
		call('ZADD', q .. 'leases', 'XX', until_ms, ARGV[i])
		local n = (i - 1) / 2
		if string.sub(ARGV[2], n, n) == 's' then
			call('ZADD', q .. 'stalled', 'NX', until_ms, ARGV[i])
		else
			call('ZREM', q .. 'stalled', ARGV[i])
		end
	end
	answers[#answers + 1] = mine and (cancel and 'cancel' or 'ok') or 'lost'
end
return answers
