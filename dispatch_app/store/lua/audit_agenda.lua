-- What:   some members of the agenda, or of what a pause holds, against the records that they are about;
--         those that nobody awaits are taken out.
-- KEYS:   1 prefix
-- ARGV:   1 msgpack {members[], scope? (of the pause that holds them), mend}; at most 200 members
-- Reply:  {kind, task, run, words}[]
-- Event:  audit.mended for each
-- @include keys
-- @include read_run
-- @include audit
local a = cmsgpack.unpack(ARGV[1])
local book = a.scope and K.held(a.scope) or K.agenda
audit.mend = a.mend

local function status_of(key) return redis.pcall('HGET', key, 'status') end

-- Whether something awaits it, by how it begins. All else is looked at when it is due; what a newer
-- program put there is left to it.
local AWAITED = {
  ['t:'] = function(id) return status_of(K.task(id)) == 'scheduled' end,
  ['b:'] = function(id) return status_of(K.backfill(id)) == 'running' end,
  ['r:'] = function(_, run) return run and (run.status == 'queued' or run.status == 'retrying') end,
  ['x:'] = function(_, run) return run and (run.status == 'queued' or run.status == 'waiting') end,
  ['k:'] = function(_, run) return run and run.status == 'running' and run.cancel end,
}

local function is_awaited(kind, id)
  local run = read_run(id)
  if AWAITED[kind] and not AWAITED[kind](id, run) then return false end
  if not a.scope then return true end
  return redis.pcall('HGET', kind == 't:' and K.task(id) or K.run(id), 'held') == a.scope
end

for _, member in ipairs(a.members) do
  local kind, id = string.sub(member, 1, 2), string.sub(member, 3)
  if redis.call('ZSCORE', book, member) and not is_awaited(kind, id) then
    local words = 'nothing awaits ' .. member .. ' in ' .. string.sub(book, #P + 1)
    if out_of_step('agenda', kind == 't:' and id or nil, kind ~= 't:' and id or nil, words) then
      redis.call('ZREM', book, member)
    end
  end
end
return audit.found
