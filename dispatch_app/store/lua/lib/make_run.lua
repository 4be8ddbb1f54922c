-- @include keys
-- @include count
-- @include later
-- @include move
-- @include new_run
-- A new run with its message, written down with its task, which the caller has made sure exists.
-- r: as `new_run` takes it
local function make_run(task, type, def, r, at)
  redis.call('HINCRBY', K.task(task), 'n:runs', 1)
  new_run(task, type, def, r, at)
  sync_task(task, r.id, 'queued', at)
  count(type, 'queued', at)
  flush()
end
