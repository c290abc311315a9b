// The sanitizers' settings, built into every program of a sanitized build so that they hold however it is started.

#if defined(__SANITIZE_ADDRESS__)
#define AETHER_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AETHER_ADDRESS_SANITIZER
#endif
#endif

#ifdef AETHER_ADDRESS_SANITIZER

extern "C" char const* __asan_default_options() { return "detect_leaks=1:detect_stack_use_after_return=1"; }
extern "C" char const* __ubsan_default_options() { return "print_stacktrace=1"; }

#elif defined(__SANITIZE_THREAD__) || defined(__has_feature)

extern "C" char const* __tsan_default_options() { return "second_deadlock_stack=1:history_size=4"; }

#endif
