-- hook_end.lua: how an attempt to send a webhook went.
-- ARGV 1 name  2 attempt of the CV  3 told, over (there is nothing to tell), later, wait (it was not tried) or dead
--      4 ms until it comes again  5 why it failed  6 most dead ones that are kept
-- Answer ok; gone (the CV was erased or read again meanwhile).
local TOLD_MS, TOLD_MAX = 600000, 10000
local name, how, now = ARGV[1], ARGV[3], now_ms()
local key = hook_key(name)

if call('HGET', key, 'attempt') ~= ARGV[2] then
	return 'gone'
elseif how == 'told' or how == 'over' then
	call('ZREM', q .. 'hooks', name)
	call('DEL', key)
	if how == 'told' then
		call('ZADD', q .. 'hooks:told', now, name .. '/' .. ARGV[2])
		call('ZREMRANGEBYSCORE', q .. 'hooks:told', '-inf', now - TOLD_MS)
		call('ZREMRANGEBYRANK', q .. 'hooks:told', 0, -1 - TOLD_MAX)
	end
elseif how == 'dead' then
	call('HSET', key, 'error', ARGV[5])
	call('ZREM', q .. 'hooks', name)
	call('ZADD', q .. 'hooks:dead', now, name)
	for _, oldest in ipairs(call('ZRANGE', q .. 'hooks:dead', 0, -1 - ARGV[6])) do
		call('ZREM', q .. 'hooks:dead', oldest)
		call('DEL', hook_key(oldest))
	end
else
	if how == 'wait' then
		call('HINCRBY', key, 'tries', -1)
	else
		call('HSET', key, 'error', ARGV[5])
	end
	call('ZADD', q .. 'hooks', now + ARGV[4], name)
end
return 'ok'
