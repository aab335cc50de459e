-- A delivery van up to 3.5 t. It is a car to the law, but taller, wider and longer, slower on motorways, and welcome
-- in streets that are open to deliveries only.
local car = require('car')
local setup_car = car.setup

local function setup_van()
  local profile = setup_car()

  profile.vehicle_height = 2.9
  profile.vehicle_width = 2.1
  profile.vehicle_length = 6.9
  profile.vehicle_weight = 3500
  profile.vehicle_max_speed = 110

  profile.access_tag_blacklist['delivery'] = nil
  profile.restricted_access_tag_list['delivery'] = nil
  profile.access_tag_whitelist['delivery'] = true
  return profile
end

car.setup = setup_van
return car
