// Names for containers that were given none.
#include "sandbox/containers/names.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace slipway::sandbox {
namespace {

constexpr std::string_view kHow =
    "able airy amber ample azure blithe bold brave breezy bright brisk broad calm candid "
    "cheery clear clever coastal cosy crisp curious daring deft dewy eager early earnest "
    "easy even fair fleet fond frank fresh frosty gentle glad golden grand green handy "
    "happy hardy hasty hazel honest humble ivory jaunty jolly keen kind lasting light "
    "lively loyal lucid lucky mellow merry mighty mild misty modest neat nimble noble "
    "northern open patient placid plucky polite proud quick quiet rapid ready robust "
    "rosy rustic sandy serene sharp shiny silver sincere smart snug sober solid southern "
    "sparkling spry steady still stout sturdy sunny supple swift tender tidal tidy "
    "trusty upbeat vivid warm wary wavy windy wise witty woven young zesty";

constexpr std::string_view kWho =
    "albatross anchor auk badger barge beacon bittern bobbin bosun brig buoy capstan "
    "catamaran clipper compass coot coral cormorant crane cutter dinghy dolphin dory "
    "dunlin egret eider fathom ferry finch frigate galley gannet godwit grebe gull "
    "halyard harbour hawser heron herring ibis islet jetty kayak keel kelp ketch "
    "kittiwake lagoon lantern lapwing lighter lugger mackerel marlin mast merlin mooring "
    "narwhal oar osprey otter packet pelican petrel pilot pinnace plover porpoise puffin "
    "quay rail reef rigging rudder sail sampan sandbar schooner seal sextant shanty "
    "shoal skiff skipper sloop snipe spar spinnaker sprat stork swan tern tide tiller "
    "trawler tugboat turnstone wader walrus wharf whimbrel yawl zephyr";

// One text for each list: a table of texts would be moved about at every start of the program.
std::string_view word(std::string_view list, std::uint32_t number) {
  const auto count = static_cast<std::uint32_t>(std::count(list.begin(), list.end(), ' ')) + 1;
  for (std::uint32_t skip = number % count; skip > 0; --skip)
    list.remove_prefix(list.find(' ') + 1);
  return list.substr(0, list.find(' '));
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  (void)!::getrandom(&number, sizeof number, 0);
  return number;
}

}  // namespace

std::string random_name(int tries) {
  std::string name(word(kHow, random_number()));
  name += '_';
  name += word(kWho, random_number());
  if (tries > 0) name += std::to_string(random_number() % 1000);
  return name;
}

}  // namespace slipway::sandbox
