-- release.lua: gives a job back; this try does not count. By a worker that stops, or whose job belongs into another lane.
-- ARGV 1 job  2 token  3 lane ("": its own). Answer "ok" or "lost".
local job = ARGV[1]
if not holds(job, ARGV[2]) then
	return 'lost'
end
take_out(job)
call('HSET', job_key(job), 'token', '')
if ARGV[3] and ARGV[3] ~= '' then
	call('HSET', job_key(job), 'lane', ARGV[3])
end
call('HINCRBY', job_key(job), 'tries', -1)
make_waiting(job, now_ms())
return 'ok'
