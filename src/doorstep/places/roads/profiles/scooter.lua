-- A 45 km/h scooter: no motorways, no trunk roads, small and quick to turn.
local car = require('car')
local setup_car = car.setup

local FORBIDDEN = { 'motorway', 'motorway_link', 'trunk', 'trunk_link' }

local function setup_scooter()
  local profile = setup_car()

  profile.vehicle_height = 1.9
  profile.vehicle_width = 0.8
  profile.vehicle_length = 1.9
  profile.vehicle_weight = 250
  profile.vehicle_max_speed = 45
  profile.turn_penalty = 5

  profile.access_tags_hierarchy = Sequence { 'moped', 'motor_vehicle', 'vehicle', 'access' }
  profile.restrictions = Sequence { 'moped', 'motor_vehicle', 'vehicle' }
  profile.access_tag_whitelist['moped'] = true
  profile.avoid['motorroad'] = true
  for _, class in ipairs(FORBIDDEN) do
    profile.avoid[class] = true
  end
  return profile
end

car.setup = setup_scooter
return car
