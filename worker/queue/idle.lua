-- idle.lua: batches that are due to be looked at; each is put off, so that two workers do not take the same one.
-- ARGV 1 put off by so many ms  2 most batches. Answer: names "<user>/<batch>".
local now = now_ms()
local due = call('ZRANGEBYSCORE', q .. 'batches', '-inf', now, 'LIMIT', 0, ARGV[2])
for _, name in ipairs(due) do
	call('ZADD', q .. 'batches', now + ARGV[1], name)
end
return due
