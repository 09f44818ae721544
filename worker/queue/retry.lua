-- retry.lua: the job could not be done now; it comes back after a while.
-- ARGV 1 job  2 token  3 delay in ms  4 error code  5 "free": this try does not count. Answer "ok" or "lost".
local job = ARGV[1]
if not holds(job, ARGV[2]) then
	return 'lost'
end
take_out(job)
call('HSET', job_key(job), 'state', 'delayed', 'token', '', 'error', ARGV[4])
if ARGV[5] == 'free' then
	call('HINCRBY', job_key(job), 'tries', -1)
end
call('ZADD', q .. 'delayed', now_ms() + ARGV[3], job)
return 'ok'
