-- @include keys
-- @include count
-- @include later
-- @include text
-- @include move
-- @include new_run
-- @include open
-- @include skip
-- @include cancel_run
-- @include trim
-- A new run with its message, written down with its task, which the caller has made sure exists. If
-- earlier runs of it are not finished, the overlap policy says here and now what becomes of it.
-- r: as `new_run` takes it; and overlap? (none: it runs beside all others) {policy, most (that may
--    wait), grace (ms that a run has to end by itself), keep (finished runs of the task)}

-- End what is not finished; whether something still runs that was asked to end.
local function clear_way(task, r, at)
  local reason, left = 'overlap: ' .. r.overlap.policy, false
  for _, id in ipairs(redis.call('ZRANGE', K.waiting(task), 0, -1)) do cancel_run(id, at, reason) end
  for _, id in ipairs(redis.call('SMEMBERS', K.open(task))) do
    if r.overlap.policy == 'terminate_other' then
      cancel_run(id, at, reason)
    elseif not ask_to_end(id, at, reason, r.overlap.grace) then
      left = true
    end
  end
  trim(task, r.overlap.keep)
  return left
end

-- What becomes of it: queued, waiting, or skipped with the reason.
local function verdict(task, r, at)
  local policy, waiting = r.overlap.policy, redis.call('ZCARD', K.waiting(task))
  if redis.call('SCARD', K.open(task)) + waiting == 0 then return 'queued' end
  if policy == 'skip' then return 'skipped', 'overlap: skip' end
  if policy == 'buffer_one' or policy == 'buffer_all' then
    if waiting < (policy == 'buffer_one' and 1 or r.overlap.most) then return 'waiting' end
    return 'skipped', 'overlap: ' .. policy .. ', ' .. text(waiting) .. (waiting == 1 and ' waits' or ' wait')
  end
  return clear_way(task, r, at) and 'waiting' or 'queued'
end

-- Returns the id under which it is found, its own or that of the record of skipped occurrences, and
-- its status.
local function make_run(task, type, def, r, at)
  local books, status, reason = has_books(task, r.overlap), 'queued', nil
  if r.overlap then status, reason = verdict(task, r, at) end
  if status == 'skipped' then
    local s = {id = r.id, first = r.at, last = r.at, count = 1, reason = reason, origin = r.origin}
    return skip(task, type, r.def or def, s, at), status
  end
  redis.call('HINCRBY', K.task(task), 'n:runs', 1)
  redis.call('HDEL', K.task(task), 'skip')
  new_run(task, type, def, r, at, status)
  if status == 'waiting' then
    -- one that says already why it is there goes on to say that
    if not r.reason then redis.call('HSET', K.run(r.id), 'reason', 'overlap: ' .. r.overlap.policy) end
    await_others(task, r.id)
  elseif books then
    open_run(task, r.id)
  end
  sync_task(task, r.id, status, at, true)
  count(type, status, at)
  flush()
  return r.id, status
end
