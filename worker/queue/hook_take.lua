-- hook_take.lua: webhooks that are due, for one worker to send. Nobody else gets them until the lease is over: then this worker
-- has died, and they are sent again.
-- ARGV 1 most  2 ms of the lease. Answer { { name, batch, attempt, tries (this one included), age in ms, address or "" }, … }
local taken, now = {}, now_ms()

for _, name in ipairs(call('ZRANGEBYSCORE', q .. 'hooks', '-inf', now, 'LIMIT', 0, ARGV[1])) do
	local key = hook_key(name)
	local batch, attempt, made_ms, url = unpack(call('HMGET', key, 'batch', 'attempt', 'made_ms', 'url'))
	if attempt then
		call('ZADD', q .. 'hooks', now + ARGV[2], name)
		taken[#taken + 1] = { name, batch, attempt, call('HINCRBY', key, 'tries', 1), now - made_ms, url or '' }
	else
		call('ZREM', q .. 'hooks', name)
	end
end
return taken
