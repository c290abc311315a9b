// What --help says.
#include "cli/options.hpp"

namespace aether::cli {
namespace {

constexpr std::string_view common = R"(
Options of every command:
  --url URL             servers, separated by commas; default: $NATS_URL, or nats://127.0.0.1:4222
  --creds FILE          credentials as nsc writes them
  --user NAME           with --password-file FILE, whose first line is the password
  --inbox-prefix NAME   where answers come, when permissions give each user an own place
  --namespace NAME      the stream is {NAME}_{STREAM}
  --json                one JSON object a line, for programs
  --timeout TIME        of connecting and of each question, as 500ms, 10s or 2m; default: 10s
  --help

A STREAM is named as the server names it, or with --namespace as the program that made it does.
Ends with 0; 1: check found something, or doctor something critical; 2: the command line is wrong; 3: it failed.
)";

struct text_of_command {
  std::string_view usage;
  std::string_view about;
  std::string_view own = {};
};

text_of_command text_of(command c) {
  switch (c) {
  case command::streams:
    return {"streams [OPTION...]", "Lists the server's streams that hold events.\n",
            "With --namespace those of that namespace.\n"};
  case command::actors:
    return {"actors STREAM [OPTION...]", "Lists the actors that have events, each with its last one.\n",
            "  --type TYPE           only actors of this type\n"};
  case command::history:
    return {"history STREAM ACTOR [OPTION...]", "Shows an actor's events, and what stands between them that is none.\n",
            "  --after VERSION       only events of a greater version\n"
            "  --limit NUMBER        at most so many events\n"
            "  --reverse             the last one first\n"};
  case command::workflows:
    return {"workflows STREAM [OPTION...]", "Lists workflows: how each is, who runs it, what it waits for.\n",
            "  --type TYPE           only workflows of this type\n"
            "  --state STATE         only those: running, completed, failed or cancelled\n"};
  case command::journal:
    return {"journal STREAM ACTOR [OPTION...]",
            "Shows a workflow's journal, entry by entry. Its ACTOR is {type}-{id}.\n"};
  case command::follow:
    return {"follow STREAM [OPTION...]", "Shows events as they are stored, until Ctrl-C.\n",
            "  --type TYPE           only those of actors of this type\n"
            "  --actor ACTOR         only those of this actor\n"
            "  --from START          beginning, now (the default), or a position as --json writes it\n"};
  case command::check:
    return {
        "check STREAM [OPTION...]",
        "Reads every event and reports what is wrong: messages that are no events, versions out of order, gaps,\n"
        "events of one actor on the subject of another, messages that were deleted.\n",
        "  --policy POLICY       increasing (the default), or contiguous: then a gap between versions is reported\n"};
  case command::doctor:
    return {"doctor STREAM [OPTION...]",
            "Reports what is risky about a stream, and what to do: settings that lose events, copies that are away,\n"
            "what is nearly full, old servers, how often they sync. Only servers tell the last: at a monitoring URL,\n"
            "or to a user of the system account.\n",
            "  --monitoring-url URL  http://host:8222 of the servers that keep the stream, separated by commas\n"
            "  --system-creds FILE   credentials of a user of the system account, or\n"
            "  --system-user NAME    with --system-password-file FILE\n"};
  }
  return {};
}

} // namespace

std::string help_text() {
  std::string out = "aether looks at events and workflows in NATS JetStream. It never changes anything.\n\n";
  for (auto const c : {command::streams, command::actors, command::history, command::workflows, command::journal,
                       command::follow, command::check, command::doctor}) {
    auto const [usage, about, own] = text_of(c);
    out += "  aether ";
    out += usage;
    out += '\n';
  }
  out += "\naether COMMAND --help says more about each.\n";
  out += common;
  return out;
}

std::string help_text(command c) {
  auto const [usage, about, own] = text_of(c);
  std::string out = "Usage: aether ";
  out += usage;
  out += "\n\n";
  out += about;
  if (!own.empty()) {
    out += '\n';
    out += own;
  }
  out += common;
  return out;
}

} // namespace aether::cli
