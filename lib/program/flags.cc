#include "lib/program/flags.h"

#include <CLI/CLI.hpp>

namespace stratus::program {

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--admin-listen", flags->admin_listen,
                  "Health, readiness, metrics, configuration, log level: HOST:PORT, never a public one")
      ->capture_default_str();
  app->add_option("--ready-file", flags->ready_file, "Where the bound addresses are written once ready");
  app->add_option("--log-level", flags->log_level, "What is logged at least; /loglevel changes it at run time")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app->add_option("--access-log", flags->access_log, "One JSON line a call")
      ->check(CLI::IsMember({"stdout", "stderr", "off"}))
      ->capture_default_str();
  app->add_option("--access-log-sample", flags->access_log_sample,
                  "Of successful calls one in so many has a line; failures always have one")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app->add_flag("--access-log-health", flags->access_log_health, "Health checks that succeed have a line, too");
  app->add_option(
         "--drain-delay-seconds", flags->drain_delay_seconds,
         "How long new calls are still taken after SIGTERM, with /readyz failing, so that balancers notice first; "
         "not after SIGINT")
      ->envname("STRATUS_DRAIN_DELAY_SECONDS")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  app->add_option("--drain-seconds", flags->drain_seconds, "How long calls may take to end after that")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

}  // namespace stratus::program
