-- strip.lua: takes what came out of a CV out of its user's history. The CV's events stay, with their ids and in their order, so
-- that whoever follows the stream misses none; of their content only what publish.lua itself put in stays, and where and
-- how the CV ended. Entries of a stream cannot be changed, and Redis keeps the bytes of what was trimmed as long as a neighbour
-- lives, so the stream is written anew, with the same ids.
--
-- KEYS[1]  prefix of the user's keys, as in publish.lua
-- ARGV     1 batch  2 cv  3 "keep" the CV's newest frame, stripped, or "forget" it
-- Answer   how many events were stripped
local call = redis.call
local history, fresh = KEYS[1] .. 'history', KEYS[1] .. 'history:new'
local cvs_key, cv = KEYS[1] .. 'batch:' .. ARGV[1] .. ':cvs', ARGV[2]
local MESSAGE = 'The CV was erased.'

local function member(name, value)
	return value and ',"' .. name .. '":' .. cjson.encode(value) or ''
end

local function stripped(frame)
	local head = string.match(frame, '^{"id":"[%d-]+","prev":"[%d-]+",.-"attempt":%d+')
	local readable, all = pcall(cjson.decode, frame)
	if not (head and readable) then
		return '{}'
	end
	local why = all.error and ',"error":{"code":' .. cjson.encode(tostring(all.error.code)) .. ',"message":"' .. MESSAGE ..
		'","retryable":false}' or ''
	return head .. member('stage', all.stage) .. why .. member('result_url', all.result_url) .. '}'
end

local known = call('HGET', cvs_key, cv)
if known and ARGV[3] == 'keep' then
	call('HSET', cvs_key, cv, stripped(known))
elseif known then
	call('HDEL', cvs_key, cv)
end

local mark, count = '"cv_id":"' .. cv .. '"', 0
local entries = call('XRANGE', history, '-', '+')
for _, entry in ipairs(entries) do
	if string.find(entry[2][2], mark, 1, true) then
		entry[2][2] = stripped(entry[2][2])
		count = count + 1
	end
end
if #entries == 0 then
	return 0
end
call('DEL', fresh)
for _, entry in ipairs(entries) do
	call('XADD', fresh, entry[1], unpack(entry[2]))
end
local info, lives_ms = call('XINFO', 'STREAM', history), call('PTTL', history)
for i = 1, #info, 2 do
	if info[i] == 'last-generated-id' then
		call('XSETID', fresh, info[i + 1])
	end
end
if lives_ms > 0 then
	call('PEXPIRE', fresh, lives_ms)
end
call('RENAME', fresh, history)
return count
