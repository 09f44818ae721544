-- drop.lua: removes a job that a person does not want any more; its `cancelled` event has been published. A running one is
-- only marked: its worker hears it when it renews the lease. ARGV 1 job. Answer "ok", "running" or "gone".
local job = ARGV[1]
local state = call('HGET', job_key(job), 'state')
if not state then
	return 'gone'
elseif state == 'leased' then
	call('HSET', job_key(job), 'cancel', 1)
	return 'running'
end
end_job(job)
call('DEL', job_key(job))
return 'ok'
