-- idle.lua: batches that are due to be looked at; each is put off, so that two workers do not take the same one. A batch that
-- an upload is on its way to is only put off.
-- ARGV 1 put off by so many ms  2 most batches. Answer: names "<user>/<batch>".
local now, due = now_ms(), {}
call('ZREMRANGEBYSCORE', q .. 'uploads', '-inf', now)
for _, name in ipairs(call('ZRANGEBYSCORE', q .. 'batches', '-inf', now, 'LIMIT', 0, ARGV[2])) do
	call('ZADD', q .. 'batches', now + ARGV[1], name)
	if not call('ZSCORE', q .. 'uploads', name) then
		due[#due + 1] = name
	end
end
return due
