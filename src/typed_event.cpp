// What typed events need no template for: finding names, versions, upcasting, and the texts of errors.
#include <aether/typed_event.hpp>

#include <charconv>
#include <exception>
#include <limits>
#include <new>
#include <system_error>

namespace aether::detail {
namespace {

/// `actor order-42, version 3, type Deposited`
std::string name_event(event const& e) {
  return "actor " + e.actor_id + ", version " + std::to_string(e.version) + ", type " + e.event_type;
}

[[noreturn]] void refuse_upcast(event const& e, int from, std::string_view what) {
  std::string text = name_event(e) + ": the upcaster from version " + std::to_string(from) + " threw: ";
  throw error(errc::malformed_event, text.append(what));
}

} // namespace

bool is_named(std::span<std::string_view const> names, std::string_view name) noexcept {
  for (auto const known : names)
    if (known == name)
      return true;
  return false;
}

std::size_t find_name(std::span<set_name const> names, std::string_view name) noexcept {
  for (auto const& known : names)
    if (known.name == name)
      return known.index;
  return not_found;
}

int stored_event_version(event const& e) {
  std::string_view const text = e.metadata.get(metadata::event_version_key);
  if (text.empty() && !e.metadata.contains(metadata::event_version_key))
    return 1;
  int version = 0;
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), version);
  bool const digits = !text.empty() && text.front() != '-' && end == text.data() + text.size();
  if (digits && failed == std::errc::result_out_of_range)
    return std::numeric_limits<int>::max();
  if (!digits || failed != std::errc() || version < 1)
    throw error(errc::malformed_event, name_event(e) + ": metadata eventVersion: expected an integer of 1 or more");
  return version;
}

void set_kind(event& into, event_kind const& kind) {
  into.event_type = kind.names.front();
  if (kind.version() > 1)
    into.metadata.set(metadata::event_version_key, std::to_string(kind.version()));
  else
    into.metadata.erase(metadata::event_version_key);
}

void set_object(event& into, boost::json::value&& body) {
  auto* object = body.if_object();
  if (!object)
    throw error(errc::invalid_argument, "the tag_invoke of type " + into.event_type + " made no object");
  into.data = std::move(*object);
}

boost::json::object const& current_data(event const& e, event_kind const& kind, int version,
                                        boost::json::object& lifted) {
  if (version >= kind.version())
    return e.data;
  lifted = e.data;
  for (int from = version; from < kind.version(); ++from)
    try {
      kind.upcasters[static_cast<std::size_t>(from - 1)](lifted);
    } catch (std::bad_alloc const&) {
      throw;
    } catch (std::exception const& failure) {
      refuse_upcast(e, from, failure.what());
    } catch (...) {
      refuse_upcast(e, from, "no std::exception");
    }
  return lifted;
}

void refuse_data(event const& e, json_fault const& fault) {
  throw error(errc::malformed_event, name_event(e) + ": " + fault.message());
}

void refuse_type(event const& e, std::string_view expected) {
  throw error(errc::unknown_event_type, name_event(e) + ": expected type " + std::string(expected));
}

void refuse_newer(event const& e, int version, event_kind const& kind) {
  throw error(errc::unknown_event_type, name_event(e) + ": its event version is " + std::to_string(version) +
                                            ", and this code knows them up to " + std::to_string(kind.version()));
}

void refuse_unknown_event(event const& e, std::span<set_name const> known) {
  if (find_name(known, e.event_type) != not_found)
    throw error(errc::unknown_event_type, name_event(e) + ": its event version is " +
                                              std::to_string(stored_event_version(e)) + ", newer than this code knows");
  std::string text = name_event(e) + ": expected one of";
  for (auto const& one : known)
    text.append(&one == known.data() ? " " : ", ").append(one.name);
  throw error(errc::unknown_event_type, text);
}

void refuse_unknown::operator()(event const& e) const { refuse_unknown_event(e, {}); }

} // namespace aether::detail
