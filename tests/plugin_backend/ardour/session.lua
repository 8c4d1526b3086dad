-- Makes an Ardour session without a screen:
--   ardour7-lua session.lua FOLDER NAME RATE_HZ LENGTH_SAMPLES PLAN
-- Each line of PLAN makes, or says something of the track made last:
--   track NAME CHANNELS    one silent region over the whole length; its files are filled afterwards
--   vst3 NAME, lv2 URI     a plug-in, before the fader and those made earlier
--   set FRACTION LABEL     of that plug-in: a parameter, 0 … 1 of its range
--   start SAMPLES          where the region lies
local folder, name, rate, length, plan = table.unpack(arg)
local session = assert(create_session(folder, name, tonumber(rate)))
local track, plugin, region

local function added(channels, called)
  local order, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
  for made in session:new_audio_track(channels, channels, nil, 1, called, order, normal, false, false):iter() do
    made:panner_shell():set_bypassed(true)
    local empty = made:bounce_range(0, tonumber(length), ARDOUR.InterThreadInfo(), made:main_outs(), false, called)
    made:playlist():add_region(empty, Temporal.timepos_t(0), 1, false)
    for one in made:playlist():region_list():iter() do
      region = one
      one:to_audioregion():set_fade_in_active(false)
      one:to_audioregion():set_fade_out_active(false)
    end
    return made
  end
end

local function inserted(unique, sort)
  local new = ARDOUR.LuaAPI.new_plugin(session, unique, sort, "")
  assert(not new:isnil(), "no plug-in " .. unique)
  assert(track:add_processor_by_index(new, 0, nil, true) == 0, "cannot be inserted: " .. unique)
  return new
end

local function put(fraction, label)
  local inside, control = plugin:to_insert():plugin(0), 0
  for number = 0, inside:parameter_count() - 1 do
    if inside:parameter_is_control(number) then
      if inside:parameter_is_input(number) and inside:parameter_label(number) == label then
        local known, row = inside:get_parameter_descriptor(number, ARDOUR.ParameterDescriptor())
        row = row[2]
        local value = row.lower + fraction * (row.upper - row.lower)
        assert(ARDOUR.LuaAPI.set_processor_param(plugin, control, value), "cannot be set: " .. label)
        return
      end
      control = control + 1
    end
  end
  error("no parameter " .. label)
end

for line in io.lines(plan) do
  local verb, first, rest = line:match("^(%S+) (%S+) ?(.*)$")
  if verb == "track" then
    track = added(tonumber(rest), first)
  elseif verb == "vst3" then
    plugin = inserted(first .. (rest ~= "" and " " .. rest or ""), ARDOUR.PluginType.VST3)
  elseif verb == "lv2" then
    plugin = inserted(first, ARDOUR.PluginType.LV2)
  elseif verb == "set" then
    put(tonumber(first), rest)
  elseif verb == "start" then
    region:set_position(Temporal.timepos_t(tonumber(first)))
  end
end
session:locations():add_range(Temporal.timepos_t(0), Temporal.timepos_t(tonumber(length))):set_name("session")
session:save_state("")
close_session()
