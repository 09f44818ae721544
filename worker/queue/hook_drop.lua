-- hook_drop.lua: a CV is erased; whatever was to be told of it is not. ARGV 1 user  2 cv. Answer ok.
local name = ARGV[1] .. '/' .. ARGV[2]
call('ZREM', q .. 'hooks', name)
call('ZREM', q .. 'hooks:dead', name)
call('DEL', hook_key(name))
tell_no_more(name, now_ms())
return 'ok'
