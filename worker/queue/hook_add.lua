-- hook_add.lua: the end of a CV is about to be published; a webhook is to tell it.
-- ARGV 1 user  2 cv  3 batch  4 attempt  5 most that may wait
--      6 whether CVs whose job names no address of its own are told too. Answer ok, exists (also when it was told, given up or erased), full, gone
--      (there is nobody to tell).
local user, cv, batch, attempt, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local name, now = user .. '/' .. cv, now_ms()
local key = hook_key(name)

local url = call('HGET', job_key(name), 'webhook')
if not url and ARGV[6] == '0' then
	return 'gone'
end
if call('ZSCORE', q .. 'hooks:told', name .. '/' .. attempt) or call('ZSCORE', q .. 'hooks:told', name) then
	return 'exists' -- a person cancelled or erased it while its worker was about to end it
end
local known = tonumber(call('HGET', key, 'attempt') or 0)
if known == attempt then
	call('HSET', key, 'made_ms', now) -- whoever made it died before the end was published
end
if known >= attempt then
	return 'exists'
elseif known == 0 and call('ZCARD', q .. 'hooks') >= most then
	return 'full'
end
-- A person had the CV read again: what was not heard of the attempt before is of no use any more.
call('DEL', key)
call('HSET', key, 'batch', batch, 'attempt', attempt, 'tries', 0, 'made_ms', now, 'url', url or '')
call('ZREM', q .. 'hooks:dead', name)
call('ZADD', q .. 'hooks', now, name)
return 'ok'
