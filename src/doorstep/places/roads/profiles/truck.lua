-- A 7.5 t lorry: low bridges, narrow lanes and weight limits count, `hgv` tags come first, and turning takes longer.
local car = require('car')
local setup_car = car.setup

local function setup_truck()
  local profile = setup_car()

  profile.vehicle_height = 3.6
  profile.vehicle_width = 2.5
  profile.vehicle_length = 8.6
  profile.vehicle_weight = 7500
  profile.vehicle_max_speed = 80
  profile.turn_penalty = 9

  profile.access_tags_hierarchy = Sequence { 'hgv', 'goods', 'motor_vehicle', 'vehicle', 'access' }
  profile.restrictions = Sequence { 'hgv', 'motor_vehicle', 'vehicle' }
  profile.access_tag_blacklist['delivery'] = nil
  profile.restricted_access_tag_list['delivery'] = nil
  profile.access_tag_whitelist['delivery'] = true
  return profile
end

car.setup = setup_truck
return car
