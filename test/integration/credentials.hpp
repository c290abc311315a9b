// Keys and tokens of every kind, for servers and clients of tests.
#pragma once

#include <support/temporary_directory.hpp>

#include <fstream>
#include <string>

namespace aether::test {

// Made for these tests; they open nothing else. The server keeps public keys only.
inline char const nkey_public[] = "UABLS2MQIW3J4PPOOOLXV7KQIDIPZHATZ5BWGUJVHETVJE2533ONATMR";
inline char const nkey_seed[] = "SUAGMPLQCUDSTUQUNXHS6HY2UUMR64IHGQXBEHXVC44STLG7LSLR3N3PTE";
inline char const other_seed[] = "SUAGBOTZ2SVOG7KYNII6LD4246TC6JWWJQ6GNGTUJO3SV4UL263MFITZW4";
inline char const operator_jwt[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9BREdIRUNOVUczNFc2R0xRUTNNR1l"
    "RRkJNUEY3NE1aMzRZSEJMTTVYTjJJWkdQSUg2N1RQUktOIiwibmFtZSI6InRlc3QiLCJzdWIiOiJPQURHSEVDTlVHMzRXNkdMUVEzTUdZUUZCT"
    "VBGNzRNWjM0WUhCTE01WE4ySVpHUElINjdUUFJLTiIsIm5hdHMiOnsidHlwZSI6Im9wZXJhdG9yIiwidmVyc2lvbiI6Mn0sImp0aSI6IjRQQ1Z"
    "JTzNNQ1oyTjI1UU0yQVlSQlJWVkxXS09WQzM2RDJSNjZETkFPSEZFUDc2VVRMM1EifQ.mk3UOWYUIFmG8fJXkTw4HWPZkXWpN9ns6n6-cO6-TY"
    "jXuPRYdG3gWCseB5LMmWs46KsUI2MS5WVcpzlxqj-NAA";
inline char const account_public[] = "ABEROM6YOMWWSLK6GBVXRH7IBCUA2G5O5J4QQKFYHIHHPIKB7CUW42DJ";
inline char const account_jwt[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9BREdIRUNOVUczNFc2R0xRUTNNR1l"
    "RRkJNUEY3NE1aMzRZSEJMTTVYTjJJWkdQSUg2N1RQUktOIiwibmFtZSI6InRlc3QiLCJzdWIiOiJBQkVST002WU9NV1dTTEs2R0JWWFJIN0lCQ"
    "1VBMkc1TzVKNFFRS0ZZSElISFBJS0I3Q1VXNDJESiIsIm5hdHMiOnsibGltaXRzIjp7InN1YnMiOi0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTE"
    "sImltcG9ydHMiOi0xLCJleHBvcnRzIjotMSwid2lsZGNhcmRzIjp0cnVlLCJjb25uIjotMSwibGVhZiI6LTF9LCJkZWZhdWx0X3Blcm1pc3Npb"
    "25zIjp7InB1YiI6e30sInN1YiI6e319LCJ0eXBlIjoiYWNjb3VudCIsInZlcnNpb24iOjJ9LCJqdGkiOiJVUDQzNko3S0ZYUjRKQVBFT1lKQkp"
    "QRkdSSERYNzNNWlEzMlQ2N0hGWlgzVElWS1JOQVVRIn0.z9lGcpr1-PQBvsyXUQiHB6HiKPfHvDy00JgmtY02IlVuRITTjzd2TYpy2U2LvB2MQ"
    "MdNtub-ayzbzMFygFxJBw";
inline char const user_jwt[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFCRVJPTTZZT01XV1NMSzZHQlZYUkg"
    "3SUJDVUEyRzVPNUo0UVFLRllISUhIUElLQjdDVVc0MkRKIiwibmFtZSI6InRlc3QiLCJzdWIiOiJVRDVKWFVQUjVJRUMyU0NHTFVHR1pPSFZFN"
    "E5UV01JSVlDMk5BWFpHTU5HNE9aSVRRRlFQN1A2TSIsIm5hdHMiOnsicHViIjp7fSwic3ViIjp7fSwic3VicyI6LTEsImRhdGEiOi0xLCJwYXl"
    "sb2FkIjotMSwidHlwZSI6InVzZXIiLCJ2ZXJzaW9uIjoyfSwianRpIjoiWUczRUNUVlJLUks3RTNTTkNFRkdRQTdRVVQ0QVc3T0FMTTZVV1RLV"
    "kRZU01GSUtYQVNEUSJ9.t7Q6aTJM16bd76ZxYkfBx533TTYRlOMBpNEtln-wcsTJhqL8YwQV9H-00xkOkHjUyqUQFFh05TDV5qjNoez1BQ";
inline char const user_seed[] = "SUACWEF26I2QGFCHQ7NT2OK5YOSHGXNVWI35GVMB5QWB6OIRY3QBQXFYCA";

inline std::string write_file(temporary_directory const& directory, std::string const& name, std::string const& text) {
  auto const path = directory.path() / name;
  std::ofstream(path) << text;
  return path.string();
}

inline std::string credentials_text(std::string const& seed) {
  return std::string("-----BEGIN NATS USER JWT-----\n") + user_jwt +
         "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + seed +
         "\n------END USER NKEY SEED------\n";
}

/// Lines of a server's configuration that make it take `user_jwt`.
inline std::string operator_config() {
  return std::string("operator: ") + operator_jwt + "\nresolver: MEMORY\nresolver_preload: { " + account_public + ": " +
         account_jwt + " }\n";
}

} // namespace aether::test
