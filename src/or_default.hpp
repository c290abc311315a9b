// An option whose zero means the default.
#pragma once

namespace aether::detail {

template <class T> T or_default(T value, T otherwise) { return value == T{} ? otherwise : value; }

} // namespace aether::detail
