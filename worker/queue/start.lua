-- start.lua: ends the delay of a job: after its first event is published, or because a person does not want to wait.
-- ARGV 1 job. Answer "ok", or "gone" when the job is not delayed.
if call('ZREM', q .. 'delayed', ARGV[1]) == 0 then
	return 'gone'
end
make_waiting(ARGV[1], now_ms())
return 'ok'
