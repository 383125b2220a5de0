#include "google/protobuf/util/json_util.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service::testing {
namespace {

constexpr char kNote[] = R"json({
  "name": "modules/note", "version": "1",
  "variables": [
    {"name": "text", "type": "string", "required": true},
    {"name": "copies", "type": "number"},
    {"name": "secret", "type": "string", "sensitive": true},
    {"name": "mood", "type": "string", "nullable": true},
    {"name": "rules", "type": "list(object({port=number,proto=optional(string)}))"
},
    {"name": "tags", "type": "set(string)"}
  ],
  "outputs": [{"name": "greeting"}, {"name": "key", "sensitive": true}],
  "variablesSchema": {
  "type" : "object", "required" : ["text"], "additionalProperties" : false, "properties" : {
    "text" : {"type" : "string"},
             "copies" : {"type" : "number"},
                        "secret" : {"type" : "string", "writeOnly" : true},
                                   "mood" : {"type" : [ "string", "null" ]},
                                            "rules"
        : {
          "type" : "array",
          "items" : {
            "type" : "object",
            "required" : ["port"],
            "additionalProperties" : false,
            "properties" : {"port" : {"type" : "number"}, "proto" : {"type" : "string"}}
          }
        },
          "tags" : {
      "type" : "array", "uniqueItems" : true, "items" : { "type" : "string" }
    }
  }
}
})json";

constexpr char kDroplet[] = R"json({
  "name": "modules/droplet", "version": "1",
  "providers": ["registry.opentofu.org/digitalocean/digitalocean"],
  "variables": [
    {"name": "image", "type": "string", "required": true}, {"name": "name", "type": "string", "required": true},
    {"name": "region", "type": "string", "required": true}, {"name": "size", "type": "string", "required": true},
    {"name": "monitoring", "type": "bool"}, {"name": "ipv6", "type": "bool"}
  ],
  "outputs": [{"name": "droplet_id"}],
  "variablesSchema": {
    "type": "object", "required": ["image", "name", "region", "size"], "additionalProperties": false,
    "properties": {
      "image": {"type": "string"}, "name": {"type": "string"}, "region": {"type": "string"},
      "size": {"type": "string"}, "monitoring": {"type": "boolean"}, "ipv6": {"type": "boolean"}
    }
  }
})json";

engine::ModuleEntry Entry(const char* json) {
  engine::ModuleEntry entry;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &entry.module).ok());
  return entry;
}

}  // namespace

Modules TestModules() { return {{"droplet", Entry(kDroplet)}, {"note", Entry(kNote)}}; }

}  // namespace stratus::provisioning::service::testing
