// Implementation of child_process: fork and exec from a thread that lives as long as the process.
#include <support/child_process.hpp>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace aether::test {
namespace {

[[noreturn]] void fail(std::string const& what) { throw std::system_error(errno, std::generic_category(), what); }

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(127);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0u, 0); // a socket that a child holds too does not end when it is closed here
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

pid_t fork_and_exec(std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv;
  for (auto& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  auto const parent = ::getpid();
  auto const pid = ::fork();
  if (pid == 0)
    become(argv.data(), output, parent);
  if (pid < 0)
    fail("fork");
  return pid;
}

// The kernel sends the parent-death signal when the *thread* that forked ends, so one thread forks them all and
// ends with the process.
class spawner {
public:
  pid_t spawn(std::vector<std::string>& arguments, int output) {
    std::packaged_task<pid_t()> task([&] { return fork_and_exec(arguments, output); });
    auto result = task.get_future();
    {
      std::lock_guard lock(mutex_);
      task_ = std::move(task);
    }
    changed_.notify_one();
    return result.get();
  }

  static spawner& instance() {
    static spawner one;
    return one;
  }

private:
  spawner() : thread_([this] { work(); }) {}
  ~spawner() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || task_.valid(); });
      if (stop_)
        return;
      auto task = std::move(task_);
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::packaged_task<pid_t()> task_;
  bool stop_ = false;
  std::thread thread_;
};

int exit_code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

} // namespace

child_process::child_process(std::vector<std::string> arguments, std::filesystem::path const& output) {
  auto const program = find_program(arguments.at(0));
  if (program.empty())
    throw std::system_error(ENOENT, std::generic_category(), arguments[0]);
  arguments[0] = program.string();
  int const out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0)
    fail("open " + output.string());
  static std::mutex one_at_a_time;
  std::lock_guard lock(one_at_a_time);
  pid_ = spawner::instance().spawn(arguments, out);
  ::close(out);
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), exit_code_(std::exchange(other.exit_code_, std::nullopt)) {}

child_process& child_process::operator=(child_process&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, 0);
    exit_code_ = std::exchange(other.exit_code_, std::nullopt);
  }
  return *this;
}

child_process::~child_process() { kill(); }

bool child_process::running() { return pid_ != 0 && !wait(std::chrono::milliseconds(0)); }

std::optional<int> child_process::wait(std::chrono::milliseconds limit) {
  auto const deadline = std::chrono::steady_clock::now() + limit;
  while (pid_ != 0) {
    int status = 0;
    auto const pid = ::waitpid(pid_, &status, WNOHANG);
    if (pid == pid_) {
      exit_code_ = exit_code_of(status);
      pid_ = 0;
    } else if (pid < 0 && errno != EINTR)
      fail("waitpid");
    else if (std::chrono::steady_clock::now() >= deadline)
      return std::nullopt;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return exit_code_;
}

void child_process::kill() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = exit_code_of(status);
  pid_ = 0;
}

void child_process::terminate() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGTERM);
  ::kill(pid_, SIGCONT); // one that stands still would not see it
  if (!wait(std::chrono::seconds(20)))
    kill();
}

void child_process::pause() {
  int status = 0;
  if (pid_ == 0 || ::kill(pid_, SIGSTOP) != 0 || ::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status))
    throw std::runtime_error("the child process cannot be paused: it has ended");
}

void child_process::resume() {
  int status = 0;
  if (pid_ == 0 || ::kill(pid_, SIGCONT) != 0 || ::waitpid(pid_, &status, WCONTINUED) != pid_ || !WIFCONTINUED(status))
    throw std::runtime_error("the child process cannot be resumed: it has ended");
}

void run_command(std::vector<std::string> arguments, std::filesystem::path const& output) {
  auto const name = arguments.at(0);
  child_process process(std::move(arguments), output);
  auto const code = process.wait(std::chrono::minutes(1));
  if (code != 0)
    throw std::runtime_error(name + (code ? " failed: " : " did not end: ") + read_file(output));
}

std::string read_file(std::filesystem::path const& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::filesystem::path find_program(std::string const& name) {
  if (name.find('/') != std::string::npos)
    return ::access(name.c_str(), X_OK) == 0 ? std::filesystem::absolute(name) : std::filesystem::path();
  auto const* const variable = std::getenv("PATH");
  // Debian keeps servers in /usr/sbin, which an ordinary user's PATH may lack.
  std::istringstream folders(std::string(variable ? variable : "") + ":/usr/local/sbin:/usr/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto const candidate = std::filesystem::path(folder) / name;
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return {};
}

} // namespace aether::test
