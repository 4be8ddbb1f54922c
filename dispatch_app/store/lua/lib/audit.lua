-- @include keys
-- @include event
-- What an audit comes upon, {kind, task, run, words} each, and whether it mends that.
local audit = {mend = false, found = {}}

-- Returns whether to mend it.
local function out_of_step(kind, task, run, words)
  audit.found[#audit.found + 1] = {kind, task or '', run or '', words}
  if audit.mend then event('audit.mended', task or '', run, kind) end
  return audit.mend
end

-- What no program can mend, because it cannot know what was there.
local function beyond_repair(task, run, words)
  audit.found[#audit.found + 1] = {'damaged', task or '', run or '', words}
end

-- `name` stands in a listing if and only if it belongs there. What is no listing is told of where it is
-- walked through.
local function listed(listing, name, belongs, task, run)
  local there = redis.pcall('ZSCORE', listing, name)
  if type(there) == 'table' then return end
  if (there and true or false) == belongs then return end
  local words = (belongs and 'it is missing in ' or 'it does not belong in ') .. string.sub(listing, #P + 1)
  if not out_of_step('listing', task, run, words) then return end
  if belongs then redis.call('ZADD', listing, 0, name) else redis.call('ZREM', listing, name) end
end

-- A member of the agenda that nobody awaits.
local function leave_agenda(member, task, run, words)
  if redis.call('ZSCORE', K.agenda, member) and out_of_step('agenda', task, run, words) then
    redis.call('ZREM', K.agenda, member)
  end
end

-- What says of itself that a pause holds it: it is, and that pause is on or being released. Returns
-- whether it is held; if not, it says so no longer.
local function is_held(member, key, scope, at, task, run)
  if not scope then return false end
  if not redis.call('ZSCORE', K.held(scope), member) then
    if out_of_step('pause', task, run, 'it says that a pause holds it, and none does') then
      redis.call('HDEL', key, 'held')
    end
    return false
  end
  if redis.call('HEXISTS', K.paused, scope) == 0 and not redis.call('ZSCORE', K.agenda, 'h:' .. scope)
    and out_of_step('pause', task, run, 'a pause holds it that has ended') then
    redis.call('ZADD', K.agenda, at, 'h:' .. scope)
  end
  return true
end
