#include "services/provisioning/store/testing/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stratus::provisioning::store::testing {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "postgres_server: " << what << "\n";
  std::abort();
}

// Debian keeps a folder a version; the newest is taken.
std::string BinaryFolder() {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string folder = entry.path() / "bin";
    if (access((folder + "/initdb").c_str(), X_OK) == 0) newest = std::max(newest, folder);
  }
  return newest;
}

const passwd* Unprivileged() { return geteuid() == 0 ? getpwnam("nobody") : nullptr; }

// Starts a program of PostgreSQL's as an unprivileged user; it ends when this process does.
pid_t Spawn(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const passwd* const user = Unprivileged();
  const uid_t uid = user != nullptr ? user->pw_uid : geteuid();
  const gid_t gid = user != nullptr ? user->pw_gid : getegid();
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) Fail("cannot write " + log);
  const pid_t pid = fork();
  if (pid != 0) {
    close(out);
    return pid;
  }
  // Between fork and exec of a process that may have threads: system calls only.
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  const bool dropped =
      user == nullptr || (setgroups(0, nullptr) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (dropped) execv(argv[0], argv.data());
  _exit(127);
}

std::string LogOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

pid_t ParentOf(pid_t pid) {
  std::ifstream in(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  // pid (name) state parent: the name may hold anything, so look from its end.
  const std::vector<std::string> fields = absl::StrSplit(text.substr(std::min(text.rfind(')') + 1, text.size())), ' ');
  int parent = 0;
  return fields.size() > 2 && absl::SimpleAtoi(fields[2], &parent) ? parent : 0;
}

}  // namespace

bool PostgresServer::Installed() { return !BinaryFolder().empty(); }

PostgresServer::PostgresServer() {
  // Not below the test's own temporary folder: the path of a Unix socket has at most 107 bytes.
  std::string pattern = "/tmp/stratus-postgres-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) Fail("cannot make " + pattern);
  folder_ = pattern;
  const passwd* const user = Unprivileged();
  if (user != nullptr && chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) Fail("chown");
  const std::string log = folder_ + "/initdb.log";
  const pid_t pid = Spawn({BinaryFolder() + "/initdb", "--pgdata=" + folder_ + "/data", "--username=stratus",
                           "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"},
                          log);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) Fail("initdb failed:\n" + LogOf(log));
  Start();
}

PostgresServer::~PostgresServer() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PostgresServer::Start() {
  if (pid_ != 0) return;
  const std::string log = folder_ + "/server.log";
  // fsync=off: what crashes here is processes, never the machine.
  pid_ =
      Spawn({BinaryFolder() + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c", "listen_addresses=", "-c",
             "max_connections=200", "-c", "fsync=off", "-c", "deadlock_timeout=100ms", "-c", "restart_after_crash=off"},
            log);
  const std::string url = absl::StrCat("postgresql://stratus@/postgres?connect_timeout=5&host=", folder_);
  while (PQping(url.c_str()) != PQPING_OK) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) Fail("the server did not start:\n" + LogOf(log));
    usleep(5'000);  // it says when it is ready to its log alone; PQping is its documented question
  }
}

std::string PostgresServer::NewDatabase() {
  // A schema is a thousand times cheaper than a database, and as empty.
  const std::string name = absl::StrCat("test", ++databases_);
  Execute("CREATE SCHEMA " + name);
  return absl::StrCat("postgresql://stratus@/postgres?host=", folder_, "&options=-csearch_path%3D", name);
}

void PostgresServer::Disconnect() {
  Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

void PostgresServer::Execute(const std::string& sql) const {
  const std::string admin = absl::StrCat("postgresql://stratus@/postgres?host=", folder_);
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(admin.c_str()), PQfinish);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) Fail(PQerrorMessage(connection.get()));
}

void PostgresServer::Stop() {
  if (pid_ == 0) return;
  // The backends too: each is a session of its own, and would notice its parent's death only when idle.
  Signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  std::error_code ignored;
  std::filesystem::remove(folder_ + "/data/postmaster.pid", ignored);
}

void PostgresServer::Freeze() { Signal(SIGSTOP); }
void PostgresServer::Thaw() { Signal(SIGCONT); }

std::vector<pid_t> PostgresServer::Processes() const {
  std::vector<pid_t> processes = {pid_};
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    int pid = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &pid) && ParentOf(pid) == pid_) processes.push_back(pid);
  }
  return processes;
}

void PostgresServer::Signal(int signal) const {
  for (const pid_t process : Processes()) kill(process, signal);
}

}  // namespace stratus::provisioning::store::testing
