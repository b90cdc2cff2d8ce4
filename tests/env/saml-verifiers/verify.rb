# Verifies the signatures of SAML redirects with ruby-saml. Input and output are those of verify.py:
#
# - "ruby-saml" verifies the raw query as it was sent (its setting for providers with another encoding);
# - "ruby-saml-anew" decodes the values, encodes them again in its own way and verifies that text.

require "json"
require "onelogin/ruby-saml"

Utils = OneLogin::RubySaml::Utils

def judged(query, certificate)
  raw = query.split("&").map { |field| field.split("=", 2) }
  raise "a name is there twice" unless raw.map(&:first).uniq.length == raw.length
  raw = raw.to_h
  values = raw.transform_values { |value| CGI.unescape(value) }
  type = raw.key?("SAMLRequest") ? "SAMLRequest" : "SAMLResponse"
  as_sent = Utils.build_query_from_raw_parts(
    type: type, raw_data: raw[type], raw_relay_state: raw["RelayState"], raw_sig_alg: raw["SigAlg"]
  )
  anew = Utils.build_query(type: type, data: values[type], relay_state: values["RelayState"], sig_alg: values["SigAlg"])
  verified = lambda do |text|
    Utils.verify_signature(cert: certificate, sig_alg: values["SigAlg"], signature: values["Signature"], query_string: text)
  end
  { "ruby-saml" => verified.call(as_sent), "ruby-saml-anew" => verified.call(anew) }
end

asked = JSON.parse($stdin.read)
certificate = OpenSSL::X509::Certificate.new(asked["certificate"].unpack1("m"))
puts JSON.generate(asked["queries"].map { |query| judged(query, certificate) })
