-- A number of ms as text without an exponent, which tostring() would write from 1e14 on.
local function text(number) return string.format('%.0f', number) end
