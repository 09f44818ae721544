-- release.lua: a worker that stops gives a job back; this try does not count. ARGV 1 job  2 token. Answer "ok" or "lost".
local job = ARGV[1]
if not holds(job, ARGV[2]) then
	return 'lost'
end
take_out(job)
call('HSET', job_key(job), 'token', '')
call('HINCRBY', job_key(job), 'tries', -1)
make_waiting(job, now_ms())
return 'ok'
