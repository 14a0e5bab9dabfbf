-- The health of the operator's objects for Argo CD, which runs this once for each object and hands it over as `obj`.
-- It needs no library but the two functions of `os` that Argo CD always has.
local os = require("os")

-- Nothing is Progressing for ever: what is not settled after this many seconds is Degraded. The operator tries again at
-- least once a sweep, so these are three sweeps at the default interval.
local patience = 15 * 60

-- Times are compared as Kubernetes writes them, in UTC. What os.date makes of a time is local, so UTC is counted back.
local limit = os.date("%Y-%m-%dT%H:%M:%SZ", os.time(os.date("!*t")) - patience)

local status = obj.status or {}

local function condition(kind)
  for _, c in ipairs(status.conditions or {}) do
    if c.type == kind then
      return c
    end
  end
end

local function says(c)
  if c.message == nil or c.message == "" then
    return c.reason
  end
  return c.reason .. ": " .. c.message
end

local function waiting(since, message)
  if since ~= nil and since < limit then
    return { status = "Degraded", message = message .. " (since " .. since .. ")" }
  end
  return { status = "Progressing", message = message }
end

-- changed is when somebody last wrote to the object itself, as far as it tells.
local function changed()
  local last = obj.metadata.creationTimestamp
  for _, m in ipairs(obj.metadata.managedFields or {}) do
    if m.subresource == nil and m.time ~= nil and (last == nil or m.time > last) then
      last = m.time
    end
  end
  return last
end

local ready = condition("Ready")
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return waiting(changed(), "the operator has not looked at this yet; make sure that it runs and serves this namespace")
end
if ready.reason == "Suspended" then
  return { status = "Suspended", message = says(ready) }
end
if ready.status == "True" then
  local message = says(ready)
  local paused = condition("RevocationsPaused")
  if paused ~= nil then
    message = message .. "; " .. says(paused)
  end
  return { status = "Healthy", message = message }
end
if condition("Stalled") ~= nil then
  return { status = "Degraded", message = says(ready) }
end
return waiting((condition("Reconciling") or ready).lastTransitionTime, says(ready))
