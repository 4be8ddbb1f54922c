-- @include keys
-- @include move
-- @include read_run
-- @include audit
-- Which runs of a task are open, and which wait for them, against the runs themselves.
local MOST_OPEN = 1000
local IS_OPEN = {queued = true, running = true, retrying = true}

-- Whoever is not there or not like that any more leaves a book of runs.
local function thin_out(id, ids, command, book, fits)
  for _, run_id in ipairs(ids) do
    local run = read_run(run_id)
    if not (run and run.task == id and fits(run)) and
      out_of_step('overlap', id, run_id, 'it does not belong in ' .. string.sub(book, #P + 1)) then
      redis.call(command, book, run_id)
    end
  end
end

-- The books of a task (lib/open.lua), a thousand of each; what waits for nothing goes on.
local function audit_books(id, at)
  local open, waiting = K.open(id), K.waiting(id)
  if redis.call('EXISTS', open, waiting) == 0 then return end
  thin_out(id, redis.call('SRANDMEMBER', open, MOST_OPEN), 'SREM', open, function(run) return IS_OPEN[run.status] end)
  thin_out(id, redis.call('ZRANGE', waiting, 0, MOST_OPEN - 1), 'ZREM', waiting,
    function(run) return run.status == 'waiting' end)
  if redis.call('EXISTS', open) == 1 or redis.call('EXISTS', waiting) == 0 then return end
  if out_of_step('overlap', id, nil, 'runs of it wait, and none is open') then release(id, at) end
end
