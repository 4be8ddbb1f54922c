-- What:   some tasks against all the books that know of them; what is out of step is mended, as the record
--         has it: listings, the agenda, what a pause holds, which runs are open and which wait for them.
-- Needs:  of listings and a new moment: the revision is still the one that was read.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {listing (in which they were found), entries[] of {member, id, rev (text), listings[], next?,
--         occurrence? (what is planned for a task without a moment)}, mend, now?}; at most 200 entries
-- Reply:  {kind, task, run, words}[]
-- Event:  audit.mended for each; run.queued where one waited for nothing
-- Keeps:  I6
-- @include keys
-- @include now
-- @include text
-- @include agenda
-- @include task_status
-- @include backfill
-- @include audit
-- @include audit_overlap
local STATUSES = {'scheduled', 'paused', 'completed', 'waiting', 'queued', 'running', 'retrying', 'succeeded',
  'failed', 'cancelled', 'expired', 'skipped'}
local IS_ONE = {}
for _, status in ipairs(STATUSES) do IS_ONE[status] = true end
local a = cmsgpack.unpack(ARGV[1])
local at = now(a.now)
audit.mend = a.mend

-- Of no record it is known where it was found.
local function forget(e)
  if not out_of_step('record', e.id, nil, 'it is listed in ' .. a.listing .. ' and has no record') then return end
  for _, index in ipairs({a.listing, 'tasks'}) do redis.call('ZREM', P .. index, e.member) end
  for _, status in ipairs(STATUSES) do redis.call('ZREM', K.tasks_by('status', status), e.member) end
  redis.call('ZREM', K.agenda, 't:' .. e.id)
end

-- The time of creation that its record has lost is in its name in the listings.
local function created_of(e)
  local created = tonumber(string.match(e.member, '^(%d+)~') or 0)
  if created == 0 then return nil end
  if out_of_step('record', e.id, nil, 'it has no time of creation, and gets the one of its listing') then
    redis.call('HSET', K.task(e.id), 'created', text(created))
  end
  return created
end

local function listings(e, task)
  local member = task_member(e.id, task.created)
  if e.member ~= member then
    for _, index in ipairs({a.listing, 'tasks'}) do listed(P .. index, e.member, false, e.id) end
  end
  listed(K.tasks, member, true, e.id)
  for _, status in ipairs(STATUSES) do
    listed(K.tasks_by('status', status), member, status == task.status, e.id)
  end
  if task.rev ~= e.rev then return end
  for _, index in ipairs(e.listings) do listed(P .. index, member, true, e.id) end
end

-- The moment that it has: on the agenda, which is what schedulers look at, else in its record, else the
-- one that is planned now.
local function moment_of(e, task, due)
  local moment = due or task.next or (task.rev == e.rev and e.next) or nil
  if not moment then return beyond_repair(e.id, nil, 'it is scheduled, and nobody can say for when') end
  if task.next ~= moment and out_of_step('agenda', e.id, nil, 'its record has another next moment, or none') then
    redis.call('HSET', K.task(e.id), 'next', text(moment))
    if not due and e.occurrence then redis.call('HSET', K.task(e.id), 'occurrence', text(e.occurrence)) end
  end
  return moment
end

local function agenda(e, task)
  local member, key = 't:' .. e.id, K.task(e.id)
  if is_held(member, key, task.held, at, e.id) then return leave_agenda(member, e.id, nil, 'a pause holds it') end
  if task.status ~= 'scheduled' then
    return leave_agenda(member, e.id, nil, 'it is on the agenda, and it is ' .. task.status)
  end
  local due = tonumber(redis.call('ZSCORE', K.agenda, member))
  local moment = moment_of(e, task, due)
  if not due and moment and out_of_step('agenda', e.id, nil, 'it is not on the agenda') then
    agenda_put(member, moment)
  end
end

local function backfills(id)
  for _, one in ipairs(redis.call('ZRANGE', K.backfills_by('task', id), 0, MOST_BACKFILLS - 1)) do
    local h = redis.pcall('HMGET', K.backfill(one), 'status', 'all')
    if not h[1] then
      if out_of_step('record', id, nil, 'its backfill ' .. one .. ' has no record') then forget_backfill(id, one) end
    elseif h[1] == 'running' and not h[2] and not redis.call('ZSCORE', K.agenda, 'b:' .. one) then
      if out_of_step('agenda', id, nil, 'its backfill ' .. one .. ' is not on the agenda') then agenda_put('b:' .. one, at) end
    end
  end
end

for _, e in ipairs(a.entries) do
  local h = redis.pcall('HMGET', K.task(e.id), 'status', 'created', 'rev', 'next', 'held')
  if IS_ONE[h[1]] then
    local task = {status = h[1], created = h[2], rev = h[3] or '', next = tonumber(h[4]), held = h[5]}
    if not tonumber(task.created) then task.created = created_of(e) end
    listings(e, task)
    agenda(e, task)
    audit_books(e.id, at)
    backfills(e.id)
  elseif redis.pcall('HLEN', K.task(e.id)) == 0 then
    forget(e)
  else
    beyond_repair(e.id, nil, 'its record is damaged, it has no status: replace it (PUT) or purge it')
  end
end
return audit.found
