-- What:   some runs against all the books that know of them; what is out of step is mended, as the record
--         has it. Of what is queued for long, and may have lost its message, it says so.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {listing (in which they were found), task? (whose it is), ids[], lease (ms), patience
--         (ms after which a queued run is doubted), mend, now?}; at most 200 ids
-- Reply:  {{kind, task, run, words}[], {id, def, attempt, copies}[] (doubted)}
-- Event:  audit.mended for each; run.queued where one waited for nothing
-- Keeps:  I4
-- @include keys
-- @include now
-- @include agenda
-- @include move
-- @include read_run
-- @include audit
-- @include audit_run
local a = cmsgpack.unpack(ARGV[1])
local at, index, doubted = now(a.now), a.listing, {}
audit.mend = a.mend

-- Of no record it is known where it was found.
local function forget(id)
  if not out_of_step('record', a.task, id, 'it is listed in ' .. a.listing .. ' and has no record') then return end
  redis.call('ZREM', P .. index, id)
  redis.call('ZREM', K.runs, id)
  redis.call('ZREM', K.leases, id)
  for status in pairs(ALLOWED) do redis.call('ZREM', K.runs_by('status', status), id) end
  for status in pairs(FINISHED) do redis.call('ZREM', K.runs_by('status', status), id) end
  for _, kind in ipairs({'r:', 'x:', 'k:'}) do redis.call('ZREM', K.agenda, kind .. id) end
  if not a.task then return end
  redis.call('LREM', K.done(a.task), 0, id)
  redis.call('LREM', K.skips(a.task), 0, id)
  redis.call('SREM', K.open(a.task), id)
  redis.call('ZREM', K.waiting(a.task), id)
end

-- Whether its message should have been taken long ago. One that is sent again and again is doubted more
-- and more rarely.
local function is_doubted(run)
  if run.status ~= 'queued' or redis.call('ZSCORE', K.agenda, 'r:' .. run.id) then return false end
  local h = redis.call('HMGET', K.run(run.id), 'queued', 'sent', 'resent')
  local sent = math.max(tonumber(h[1]) or 0, tonumber(h[2]) or 0)
  return at - sent >= a.patience * 2 ^ math.min(tonumber(h[3]) or 0, 7)
end

local function look_at(id)
  local run = read_run(id)
  if not run then
    if redis.pcall('HLEN', K.run(id)) == 0 then return forget(id) end
    return beyond_repair(a.task, id, 'its record is damaged: it has no task, type or status. If it is a dead letter, DELETE '
      .. '/dead-letters/' .. id .. ' removes it; else DEL ' .. K.run(id) .. ' in Redis does, and the next audit the rest')
  end
  if redis.call('HEXISTS', K.run(id), 'def') == 0 then
    beyond_repair(run.task, id, 'its record is damaged, it has no definition: purge its task, ' .. run.task)
  end
  audit_listings(run, P .. index)
  audit_times(run, a.lease, at)
  audit_overlap(run, at)
  if is_doubted(run) and not run.held then
    local h = redis.call('HMGET', K.run(id), 'def', 'copies')
    doubted[#doubted + 1] = {id, h[1] or false, run.attempt, h[2] or false}
  end
end

for _, id in ipairs(a.ids) do look_at(id) end
return {audit.found, doubted}
