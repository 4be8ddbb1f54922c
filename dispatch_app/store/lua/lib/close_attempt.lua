-- @include keys
-- @include text
-- Write down how the running attempt of a run ended. Returns how long it took, ms.
-- a: {token, outcome, result?, error? (JSON), reason?, failures, lost, status?, delay? (ms, to the
--    next attempt, where status is retrying)}
local function close_attempt(run, a, at)
  local key = K.run(run.id)
  local h = redis.call('HMGET', key, 'worker', 'started', 'queued')
  local attempt = '{"number":' .. run.attempt .. ',"worker":' .. cjson.encode(h[1] or '') ..
    ',"started_at":' .. (tonumber(h[2]) and h[2] or 'null') .. ',"finished_at":' .. text(at) ..
    ',"outcome":"' .. a.outcome .. '"' .. (a.error and (',"error":' .. a.error) or '') ..
    (a.status == 'retrying' and (',"delay":' .. text(a.delay)) or '') .. '}'
  -- the next try of an attempt that was handed back has the same number: both stay in the history
  local field = 'a:' .. run.attempt .. (a.outcome == 'handed_back' and ':back' or '')
  local set = {field, attempt, 'closed', a.token}
  for _, name in ipairs({'result', 'error', 'reason'}) do
    if a[name] then set[#set + 1], set[#set + 2] = name, a[name] end
  end
  redis.call('HSET', key, unpack(set))
  if a.error then redis.call('HDEL', key, 'token') else redis.call('HDEL', key, 'token', 'error') end
  -- a deadline counts from the first time, and `queued` is soon that of the next attempt
  if h[3] and a.failures + a.lost > 0 and a.status ~= 'failed' then redis.call('HSETNX', key, 'first', h[3]) end
  -- a counter that is none (somebody's hand) stays as it is, and stops nothing
  if a.failures > 0 then redis.pcall('HINCRBY', key, 'failures', a.failures) end
  if a.lost > 0 then redis.pcall('HINCRBY', key, 'lost', a.lost) end
  local started = tonumber(h[2])
  return started and at - started
end
