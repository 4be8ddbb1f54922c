-- @include keys
-- @include count
-- @include later
-- @include new_run
-- @include make_run
-- @include skip
-- @include text
-- The runs that a task's step makes, as commit.lua has it (e), with what it has read of the task (h: def,
-- rev, once, created, status, lr, lrf, n:runs, ...). Both ways return fields and values for the task's
-- record, and the status of the last run.
local queued = {}

local function counter(found)
  return tonumber(found or 0) or error('ERR a counter of the record is no number')
end

-- What the task's record says after these runs, as fields and values; nothing is written yet, so that
-- what fails on a counter that is none leaves nothing half done.
local function after_runs(h, runs)
  local last = runs[#runs]
  if not last then return {} end
  return {'n:runs', text(counter(h[8]) + #runs), 'lr', last.id, 'lrs', 'queued'}
end

-- Runs of a task without books: all of them are queued.
local function add_runs(id, e, h, at)
  local set = after_runs(h, e.runs)
  if e.runs[1] and h[7] then redis.call('HDEL', K.task(id), 'lrf') end
  for _, run in ipairs(e.runs) do new_run(id, e.type, h[1], run, at, 'queued') end
  if #e.runs > 0 then queued[e.type] = (queued[e.type] or 0) + #e.runs end
  return set, #e.runs > 0 and 'queued'
end

-- Runs of which some may have to wait, or not to be; and occurrences that are skipped.
local function add_runs_by_policy(id, e, h, at)
  if e.skip then skip(id, e.type, h[1], e.skip, at) end
  for _, run in ipairs(e.runs) do
    local _, became = make_run(id, e.type, h[1], run, at)
    -- what does not run is not counted, and what follows is another moment
    if became == 'skipped' and e.if_skipped then
      e.next, e.occurrence, e.done = e.if_skipped.next, e.if_skipped.occurrence, e.if_skipped.done
    end
  end
  return {}, h[3] and (#e.runs > 0 or e.skip) and redis.call('HGET', K.task(id), 'lrs')
end

-- This minute's figures of all that `add_runs` made.
local function count_added(at)
  for type, runs in pairs(queued) do count(type, 'queued', at, nil, runs) end
end
