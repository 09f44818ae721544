-- list.lua: jobs of one state, a page at a time. ARGV 1 waiting, leases, delayed or dead  2 offset  3 most jobs.
-- Answer { how many there are, { job, score, name, value, … }, … }; the scores are times in ms (see common.lua).
local key, page = q .. ARGV[1], {}
local rows = call('ZRANGE', key, ARGV[2], ARGV[2] + ARGV[3] - 1, 'WITHSCORES')
for i = 1, #rows, 2 do
	local fields = call('HGETALL', job_key(rows[i]))
	table.insert(fields, 1, rows[i + 1])
	table.insert(fields, 1, rows[i])
	page[#page + 1] = fields
end
return { call('ZCARD', key), unpack(page) }
