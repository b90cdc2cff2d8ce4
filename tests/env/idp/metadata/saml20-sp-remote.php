<?php
// The service providers: one JSON file each, put there by whoever wants to be one. Looked up at every request.
foreach (glob(getenv('IDP_DIR') . '/sp/*.json') as $file) {
    $sp = json_decode(file_get_contents($file), true, 512, JSON_THROW_ON_ERROR);
    $keys = [];
    foreach (['signing', 'encryption'] as $use) {
        foreach ($sp[$use] ?? [] as $certificate) {
            $keys[] = ['type' => 'X509Certificate', 'signing' => $use === 'signing', 'encryption' => $use === 'encryption', 'X509Certificate' => $certificate];
        }
    }
    $metadata[$sp['entity']] = [
        'AssertionConsumerService' => $sp['acs'],
        'SingleLogoutService' => [
            ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'Location' => $sp['slo']],
            ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => $sp['slo']],
        ],
        'keys' => $keys,
        'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
        'saml20.sign.response' => $sp['sign_response'],
        'saml20.sign.assertion' => $sp['sign_assertion'],
        'assertion.encryption' => $sp['encrypt'],
        'validate.authnrequest' => true,
        'validate.logout' => true,
        'sign.logout' => true,
        'redirect.sign' => true,
        'simplesaml.attributes' => true,
    ];
}
