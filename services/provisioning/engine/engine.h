// Runs OpenTofu, each step under a small shim (stratus-shim) that outlives this process: own session, output to files,
// exit code to a file. A step is launched, watched, and after a restart adopted again.
//
// Two folders a run, 0700, below Options::data_dir. runs/RUN_UID is the work folder. It is all that the run may write,
// and what is found there afterwards may be anything (left_files.h):
//   *.tf, .terraform/, .terraform.lock.hcl   the module, from a folder prepared once a module digest
//   stratus.auto.tfvars.json                 the variables
//   stratus_imports.tf                       import blocks, in recovery
//   plan.bin, errored.tfstate                what the engine leaves
// control/RUN_UID is out of its reach. It says what there is, and is believed:
//   launch.lock                              held (flock) from before a step is begun until shim.pid says so
//   laid-out, prepared, uid, passwd, group   that the work folder is whole; the prepared folder, a link; who the run is
//   doors/                                   Unix sockets to what is outside, in the strict tier (DoorsFolder)
//   STEP/spec, events.jsonl, stderr, shim.pid, engine.pid, sandbox.pid, interrupted, exit.json   a folder a step
//   STEP/egress.policy, egress.log           what its egress process is told, and tells
// spec holds no secrets: those are in STEP/environment (0600), which the shim unlinks once it has read it. engine.pid
// is the engine itself, sandbox.pid the first process of its PID namespace, with which all of the run ends. Whoever
// stops the service must leave the shims alone (systemd: KillMode=process).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/engine/isolation.h"
#include "services/provisioning/engine/sandbox.h"

namespace stratus::provisioning::engine {

enum class Command {
  kApply,        // apply -auto-approve -json: plan and apply in one
  kPlan,         // plan -out=plan.bin -json -detailed-exitcode
  kApplyPlan,    // apply -json plan.bin
  kDestroy,      // apply -destroy -auto-approve -json
  kPlanDestroy,  // plan -destroy -out=plan.bin -json
  kRefreshOnly,  // plan -refresh-only -json -detailed-exitcode
  kShowPlan,     // show -json plan.bin; its output goes to events.jsonl as one line
};

struct Import {
  std::string address;
  std::string id;
};

struct StateBackend {   // the run's credentials at the service's private listener
  std::string address;  // http://127.0.0.1:PORT/state/RUN_UID; lock and unlock at the same address
  std::string user;
  std::string password;
};

// Of a run. What ends it, Exit::exceeded says.
struct Limits {
  absl::Duration wall_time = absl::Hours(2);  // past it: cancelled, then killed
  int64_t memory_bytes = int64_t{2} << 30;    // written memory of each process (RLIMIT_DATA), and of all together
  int64_t file_bytes = int64_t{1} << 30;      // of each file
  int open_files = 1024;                      // of each process
  int processes = 1024;                   // threads counted; in tier off of the whole user, and it does not bind root
  int64_t disk_bytes = int64_t{2} << 30;  // of the work folder, and of files that are open but have no name
  int64_t files_max = 100000;             // in the work folder
  int64_t output_bytes = int64_t{64} << 20;        // of stdout and stderr together, each step
  absl::Duration cancel_grace = absl::Minutes(5);  // from SIGINT to SIGKILL
};

// What a run has of the network in the strict tier: nothing but a loopback, sockets that are put into its sandbox, and
// a program that makes ports of them.
struct RunNetwork {
  bool own = false;
  std::vector<Bind> binds;
  std::vector<std::string> command_prefix;
  std::string relay;               // the program of those ports, outside: the one of a run's that outlives its limits
  std::string doors_inside;        // where the run finds DoorsFolder
  std::vector<std::string> doors;  // the sockets in it that lead to the egress process, in the order of its policy
  std::string egress_program;      // stratus-egress
  std::string egress_policy;       // egress/policy.h
  std::string proxy;               // http://127.0.0.1:PORT
};

struct Step {
  std::string run_uid;
  std::string name;  // `1-apply`: unique within the run
  Command command = Command::kApply;
  const ModuleEntry* module = nullptr;
  std::string variables_json;
  StateBackend backend;
  std::map<std::string, std::string> secrets;  // the environment beside the allow-list: provider credentials
  std::string plan;  // kApplyPlan, kShowPlan: the saved plan; empty: the one that an earlier step left in the folder
  std::vector<Import> imports;
  std::vector<std::string> targets;  // -target=ADDRESS
  Limits limits;
  RunNetwork network;
};

struct Exit {
  // False: nobody knows (the shim died, the machine went down).
  bool known = false;
  int code = -1;   // of the engine, when it exited
  int signal = 0;  // that killed it
  bool timed_out = false;
  std::string exceeded = {};  // the limit that ended it: disk, files, output, memory, processes; empty: none
};

// What a step has left, once it is over.
struct Leavings {
  std::string errored_state;  // contents of errored.tfstate, or empty
  std::string plan;           // contents of plan.bin, or empty
};

class Watch;

class Engine {
 public:
  struct Options {
    std::string tofu;             // path of tofu or terraform, >= 1.6
    std::string shim;             // path of stratus-shim
    std::string relay = {};       // path of stratus-relay; of the strict tier only
    std::string data_dir;         // 0700
    std::string provider_mirror;  // filesystem mirror: the list of allowed providers; empty: no provider at all
    IsolationOptions isolation = {};
    std::string cgroup = "off";  // auto, off, or a folder: FindCgroups
    int steps_max = 16;          // at once; Launch past it: RESOURCE_EXHAUSTED
    // What has to be free on data_dir's disk for a step to be launched, else UNAVAILABLE: those that run need the rest,
    // to say what they do and to save their states.
    int64_t free_bytes_min = int64_t{64} << 20;
  };
  static absl::StatusOr<std::unique_ptr<Engine>> Create(Options options);
  virtual ~Engine() = default;

  // What was found to work here.
  virtual const Isolation& isolation() const = 0;

  // The run's folder of sockets, which its sandbox shows it; made when it is not there. Any user may pass it, and none
  // may come to it but by that sandbox.
  virtual absl::StatusOr<std::string> DoorsFolder(std::string_view run_uid) = 0;
  // Whether a run, which has folders here, was begun with such a folder.
  virtual bool HasDoors(std::string_view run_uid) const = 0;

  // Makes sure that the module's prepared folder exists (init -lockfile=readonly). Slow the first time only; safe from
  // several threads and processes at once. FAILED_PRECONDITION with the engine's words when the module does not init.
  virtual absl::Status Prepare(const ModuleEntry& module) = 0;

  // The providers that the engine resolved for the module, those of child modules and implied ones among them:
  // `registry.opentofu.org/digitalocean/digitalocean`, in order. Prepares it first, with the same errors.
  virtual absl::StatusOr<std::vector<std::string>> Providers(const ModuleEntry& module) = 0;

  // Lays out the work folder and starts the step. The shim is running, or has ended, when this returns; killed at any
  // moment before, it leaves nothing that runs unseen: a step whose shim.pid is there is adopted, one without never
  // began.
  virtual absl::StatusOr<std::unique_ptr<Watch>> Launch(const Step& step) = 0;

  // The newest step of a run, from its control folder; NOT_FOUND: no step was begun here.
  virtual absl::StatusOr<std::unique_ptr<Watch>> Adopt(std::string_view run_uid) = 0;

  // Kills whatever still runs of the run's sessions (by session id, checked against start times) and returns when none
  // is left. OK when there was none.
  virtual absl::Status KillAll(std::string_view run_uid) = 0;

  virtual absl::StatusOr<Leavings> Collect(std::string_view run_uid) = 0;
  // Removes the run's folders. Only for runs that have ended and whose leavings are stored.
  virtual absl::Status Remove(std::string_view run_uid) = 0;
  // Run uids that have folders here.
  virtual std::vector<std::string> Folders() const = 0;

  // To be called now and then: reaps what was handed to this process (Create makes it the reaper of its orphans), and
  // removes prepared folders that no run uses.
  virtual void Tidy() = 0;
};

// One step, running or over. Thread-safe.
class Watch {
 public:
  virtual ~Watch() = default;  // does not end the step

  virtual const std::string& step_name() const = 0;
  virtual Command command() const = 0;

  // The lines of events.jsonl from byte `offset` on, whole ones only, at most 1 MiB a call (one longer line, up to
  // 64 MiB, comes alone); moves `offset`. Once the step has ended a torn last line comes too. Waits until there is a
  // line, the step has ended, or `timeout` passes.
  virtual std::vector<std::string> Read(int64_t* offset, absl::Duration timeout) = 0;

  // nullopt: still running. An engine whose shim was killed got SIGINT and counts as running until it has ended by
  // itself, or the step's grace has passed; then `known` is false.
  virtual std::optional<Exit> Poll() = 0;

  // SIGINT to the engine, a moment later to all that it started; after the step's grace, SIGKILL (by the shim, so that
  // it happens without us too).
  virtual void Interrupt() = 0;
  virtual void Kill() = 0;

  // What the step's egress process has written since the last call (egress/record.h), whole lines; of an adopted step
  // all of it, once more.
  virtual std::vector<std::string> TakeEgressRecords() = 0;

  // The last lines of stderr, at most 4 KiB, redacted of what the step was given. An adopted step's provider
  // credentials are not known here: the caller redacts those.
  virtual std::string ErrorText() const = 0;
};

// Finds the engine: `explicit_path`, else tofu, else terraform on PATH, new enough. NOT_FOUND says what to install.
absl::StatusOr<std::string> FindEngine(std::string_view explicit_path);

}  // namespace stratus::provisioning::engine
