-- publish.lua: the only way an event with an id comes into being. One call checks a CV's frame against what is known,
-- numbers it, writes it to the user's history, publishes it, and does the same for the batch that moved with it.
-- Called by the worker, by `cvpulse publish` and by programs in any language (docs/publishing.md).
--
-- KEYS[1]  prefix of the user's keys: "user:42:" or "user:{42}:"; every key below begins with it (one hash slot)
-- ARGV     1 user   2 batch
--          3 cv     "" when the call is about the batch itself
--          4 status of the CV: queued processing retrying completed failed cancelled
--                   of the batch: open close cancel, or idle (close it if nothing moved in it for a while)
--          5 attempt of the CV; for open the number of CVs that will come (0: not known), for idle that while in ms
--          6 progress, 0 to 100
--          7 the rest of the frame: JSON members without braces, e.g. "stage":"parse","message":"Reading"
--          8 history_length, 9 history_ttl_s, 10 retention_s (all may be left out)
-- Answer   { "ok", id, progress }; or nothing was written and it is
--          { "stale" }      an older attempt, or a status that lies behind the known one
--          { "duplicate" }  the CV has had its one terminal event; the batch is closed already
--          { "erased" }     the user was erased and this CV belongs to the time before
--          { "unknown" }    no such batch;  { "wait", ms } / { "active" }: an answer to idle
local RANK = { queued = 1, processing = 2, retrying = 2, completed = 3, failed = 3, cancelled = 3 }
local MAX_REST_BYTES = 60000 -- the notifier drops events over 64 KiB

local call, floor, format = redis.call, math.floor, string.format
local prefix, user, batch, cv, status = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local rest = ARGV[7] or ''
local batch_key = prefix .. 'batch:' .. batch
local cvs_key = batch_key .. ':cvs'
local history_key, channel = prefix .. 'history', prefix .. 'events'
local history_length, history_ttl_s = ARGV[8] or '1000', ARGV[9] or '86400'
local retention_s = ARGV[10] or '2592000'

local function id_valid(id)
	return #id > 0 and #id <= 128 and not string.find(id, '[^%w._@|+~=-]')
end

-- The clock of Redis, so that every publisher counts from the same one.
local time = call('TIME')
local now_s = tonumber(time[1])
local now_ms = now_s * 1000 + floor(time[2] / 1000)

-- What the frames of this call begin with: ts, and ids. An id is the clock in ms, or the last id's ms with the next number
-- while the clock is not past it.
local ts, prev, id_ms, id_seq
local function ids_start()
	-- RFC 3339 in UTC. Years are counted in March-first years from 1968 on: right until February 2100.
	local day, second = floor(now_s / 86400) + 671, now_s % 86400
	local year = floor((4 * day + 3) / 1461)
	day = day - floor(1461 * year / 4)
	local month = floor((5 * day + 2) / 153)
	day = day - floor((153 * month + 2) / 5) + 1
	if month > 9 then
		month, year = month - 12, year + 1
	end
	ts = format('%d-%02d-%02dT%02d:%02d:%02d.%03dZ', year + 1968, month + 3, day,
		floor(second / 3600), floor(second / 60) % 60, second % 60, now_ms % 1000)

	prev, id_ms, id_seq = '0-0', now_ms, 0
	local last = call('XREVRANGE', history_key, '+', '-', 'COUNT', '1')[1]
	if not last then
		return
	end
	prev = last[1]
	local ms, seq = string.match(prev, '^(%d+)-(%d+)$')
	ms = tonumber(ms)
	if ms >= now_ms then
		id_ms, id_seq = ms, seq + 1
	end
end

-- Numbers a frame, remembers it in history and publishes it. Returns its text and id.
local function emit(members)
	local id = format('%d-%d', id_ms, id_seq)
	local frame = '{"id":"' .. id .. '","prev":"' .. prev .. '",' .. members .. '}'
	local added = redis.pcall('XADD', history_key, 'MAXLEN', history_length, id, 'f', frame)
	if added.err then
		if not string.find(added.err, 'equal or smaller', 1, true) then
			error(added)
		end
		-- The stream's last id may be higher than its last entry's (entries were deleted): go on after that one.
		local info = call('XINFO', 'STREAM', history_key)
		for i = 1, #info, 2 do
			if info[i] == 'last-generated-id' then
				local ms, seq = string.match(info[i + 1], '^(%d+)-(%d+)$')
				id_ms, id_seq = tonumber(ms), seq + 1
			end
		end
		return emit(members)
	end
	call('PUBLISH', channel, frame)
	prev, id_seq = id, id_seq + 1
	return frame, id
end

-- The batch as numbers, by position: how many CVs are in each status, and what the hash knows besides.
local FIELDS = { 'total', 'queued', 'processing', 'completed', 'failed', 'cancelled', 'sum', 'percent', 'closed',
	'stopped', 'started_ms', 'changed_ms' }
local TOTAL, QUEUED, PROCESSING, COMPLETED, FAILED, CANCELLED = 1, 2, 3, 4, 5, 6
local SUM, PERCENT, CLOSED, STOPPED, STARTED, CHANGED = 7, 8, 9, 10, 11, 12
local COUNTER = { queued = QUEUED, retrying = QUEUED, processing = PROCESSING, completed = COMPLETED, failed = FAILED,
	cancelled = CANCELLED }
local b = call('HMGET', batch_key, unpack(FIELDS))
local batch_known = b[TOTAL] ~= false
local text, before = b, {} -- as Redis has them
b = {}
for i = 1, #FIELDS do
	before[i] = text[i] and text[i] + 0
	b[i] = before[i] or 0
end

-- How the batch stands: CVs that come or have come, whole percent, CVs that are known, whether all is over.
local function stand()
	local active = b[QUEUED] + b[PROCESSING]
	local known = active + b[COMPLETED] + b[FAILED] + b[CANCELLED]
	local count, over = math.max(b[TOTAL], known), b[CLOSED] == 1 and active == 0
	local percent = over and 100 or count > 0 and math.min(99, floor(b[SUM] / count)) or 0
	return count, percent, known, over, active
end

-- The status; and the time that is left, which is honest only when it is known how many CVs come and some have ended since the
-- first one started.
local function outlook(count, active)
	if active > 0 then
		if (b[CLOSED] == 0 and b[TOTAL] == 0) or b[STARTED] == 0 or b[COMPLETED] + b[FAILED] < 3 then
			return 'processing', ''
		end
		local spent_ms = math.max(0, now_ms - b[STARTED])
		return 'processing', format(',"eta_ms":%d', spent_ms * (count * 100 - b[SUM]) / b[SUM])
	elseif b[CLOSED] == 0 then
		return 'open', ''
	elseif b[STOPPED] == 1 or (b[CANCELLED] > 0 and b[COMPLETED] + b[FAILED] == 0) then
		return 'cancelled', ''
	end
	return b[FAILED] > 0 and 'completed_with_errors' or 'completed', ''
end

-- Publishes and stores the batch. Its percent never falls, except that `reopened` starts it again. Only what has changed is
-- made text and written: Lua's own way from a number to text costs as much as writing the field (measured by callgrind:
-- a fifth of the call's instructions for twelve numbers).
local function batch_emit(reopened)
	local count, percent, _, _, active = stand()
	if reopened or percent > b[PERCENT] then
		b[PERCENT] = percent
	end
	b[CHANGED] = now_ms
	local changes, n = { 'HSET', batch_key, 'frame', false }, 4
	for i = 1, #FIELDS do
		if b[i] ~= before[i] then
			text[i] = format('%d', b[i])
			changes[n + 1], changes[n + 2] = FIELDS[i], text[i]
			n = n + 2
		end
	end
	local status_now, eta = outlook(count, active)
	local frame, id = emit('"type":"batch_progress","ts":"' .. ts .. '","user_id":"' .. user .. '","batch_id":"' .. batch ..
		'","status":"' .. status_now .. '","total":' .. (count == b[TOTAL] and text[TOTAL] or format('%d', count)) ..
		',"queued":' .. text[QUEUED] .. ',"processing":' .. text[PROCESSING] .. ',"completed":' .. text[COMPLETED] ..
		',"failed":' .. text[FAILED] .. ',"cancelled":' .. text[CANCELLED] .. ',"progress":' .. text[PERCENT] .. eta)
	changes[4] = frame
	call(unpack(changes))
	call('ZADD', prefix .. 'batches', text[CHANGED], batch)
	return id
end

local function keep_for_retention()
	call('EXPIRE', batch_key, retention_s)
	call('EXPIRE', cvs_key, retention_s)
	call('EXPIRE', prefix .. 'batches', retention_s)
	if not batch_known then
		call('ZREMRANGEBYSCORE', prefix .. 'batches', '-inf', now_ms - retention_s * 1000)
	end
end

-- A change of the batch itself.
if cv == '' then
	local number = math.min(floor(tonumber(ARGV[5]) or 0), 1e15)
	local _, _, known, over, active = stand()
	if status == 'open' then
		if not batch_known and not (id_valid(user) and id_valid(batch)) then
			return redis.error_reply('ERR cvpulse: bad user or batch id')
		elseif b[CLOSED] == 1 then
			return { 'duplicate' }
		end
		b[TOTAL] = math.max(b[TOTAL], number)
		if b[TOTAL] > 0 and known >= b[TOTAL] then
			b[CLOSED] = 1
		end
	elseif not batch_known then
		return { 'unknown' }
	elseif over or (b[CLOSED] == 1 and status ~= 'cancel') then
		return { 'duplicate' }
	elseif status == 'close' then
		b[CLOSED], b[TOTAL] = 1, known
	elseif status == 'cancel' then
		b[CLOSED], b[TOTAL], b[STOPPED] = 1, known, 1
	elseif status == 'idle' then
		if active > 0 or known == 0 then
			return { 'active' }
		elseif b[CHANGED] + number > now_ms then
			return { 'wait', b[CHANGED] + number - now_ms }
		end
		b[CLOSED], b[TOTAL] = 1, known
	else
		return redis.error_reply('ERR cvpulse: bad batch status')
	end
	ids_start()
	local id = batch_emit(false)
	call('EXPIRE', history_key, history_ttl_s)
	keep_for_retention()
	return { 'ok', id, b[PERCENT] }
end

-- A CV. What is known of it stands in its newest frame.
local attempt, progress, rank = tonumber(ARGV[5]), tonumber(ARGV[6]), RANK[status]
if not (rank and attempt and progress) or attempt % 1 ~= 0 or attempt < 1 or attempt > 1e9 or #rest > MAX_REST_BYTES then
	return redis.error_reply('ERR cvpulse: bad status, attempt, progress or size')
end
progress = status == 'completed' and 100 or math.max(0, math.min(100, floor(progress)))

local reopened, old_status = false, nil
local stored = call('HGET', cvs_key, cv)
if stored then
	local old_progress, old_attempt
	-- Found as plain text first: a pattern that is tried at every byte costs three times as much.
	old_status, old_progress, old_attempt = string.match(stored, '^"status":"(%l+)","progress":(%d+),"attempt":(%d+)',
		string.find(stored, '"status":"', 1, true))
	old_progress, old_attempt = tonumber(old_progress), tonumber(old_attempt)
	local old_rank = RANK[old_status]

	-- 1. What is known already is dropped. Only a higher attempt goes behind a terminal: a person asked for it.
	if attempt < old_attempt then
		return { 'stale' }
	elseif attempt == old_attempt and old_rank == 3 then
		return { 'duplicate' }
	elseif attempt == old_attempt and rank < old_rank then
		return { 'stale' }
	end
	reopened = old_rank == 3

	-- 2. Progress never goes back, also when a machine tries again.
	if not reopened and progress < old_progress then
		progress = old_progress
	end
	b[COUNTER[old_status]] = b[COUNTER[old_status]] - 1
	b[SUM] = b[SUM] - (reopened and 100 or old_progress)
else
	if not (id_valid(user) and id_valid(batch) and id_valid(cv)) then
		return redis.error_reply('ERR cvpulse: bad user, batch or cv id')
	elseif status ~= 'queued' and call('EXISTS', prefix .. 'erased') == 1 then
		return { 'erased' }
	end
	reopened = batch_known and select(4, stand()) -- a late CV: the batch is not over after all
end

-- 3. and 4. The CV's frame.
ids_start()
local frame, id = emit('"type":"cv_progress","ts":"' .. ts .. '","user_id":"' .. user .. '","batch_id":"' .. batch ..
	'","cv_id":"' .. cv .. '","status":"' .. status .. format('","progress":%d,"attempt":%d', progress, attempt) ..
	(rest ~= '' and ',' .. rest or ''))
call('HSET', cvs_key, cv, frame)

-- 5. The batch.
b[COUNTER[status]] = b[COUNTER[status]] + 1
b[SUM] = b[SUM] + (rank == 3 and 100 or progress)
if not stored and b[TOTAL] > 0 and select(3, stand()) >= b[TOTAL] then
	b[CLOSED] = 1
end
if reopened then
	b[STARTED], b[STOPPED] = 0, 0
elseif b[STARTED] == 0 and status == 'processing' and b[COMPLETED] + b[FAILED] == 0 then
	b[STARTED] = now_ms
end
if status ~= old_status or reopened or select(2, stand()) > b[PERCENT] then
	batch_emit(reopened)
else
	call('HSET', batch_key, 'sum', format('%d', b[SUM]))
end
call('EXPIRE', history_key, history_ttl_s)
if status ~= old_status then
	keep_for_retention()
end
return { 'ok', id, progress }
