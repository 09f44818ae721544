-- hook_end.lua: how an attempt to send a webhook went.
-- ARGV 1 name  2 attempt of the CV  3 told, over (there is nothing to tell), later, wait (it was not tried) or dead
--      4 ms until it comes again  5 why it failed  6 most dead ones that are kept
-- Answer ok; gone (the CV was erased or read again meanwhile, or it was given up).
local name, how, now = ARGV[1], ARGV[3], now_ms()
local key = hook_key(name)

-- Whose lease ran out may have given it up while another worker sent it: that it was told counts, nothing else does.
if call('HGET', key, 'attempt') ~= ARGV[2] or (how ~= 'told' and not call('ZSCORE', q .. 'hooks', name)) then
	return 'gone'
elseif how == 'told' or how == 'over' then
	call('ZREM', q .. 'hooks', name)
	call('ZREM', q .. 'hooks:dead', name)
	call('DEL', key)
	if how == 'told' then
		tell_no_more(name .. '/' .. ARGV[2], now)
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
