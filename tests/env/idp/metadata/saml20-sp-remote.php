<?php
// The service providers, one JSON file each. They are read at every request, so write a file beside and rename it.
// Required: entity, acs, slo; signing, encryption (lists of certificates, DER in base64); sign_response, sign_assertion, encrypt (true or false).
// Optional: name_id (the attribute that becomes the NameID), name_id_format, attributes (only these are sent), validate_authnrequest
// (false accepts unsigned requests).
foreach (glob(getenv('IDP_DIR') . '/sp/*.json') as $file) {
    $text = @file_get_contents($file);
    if ($text === false) {
        continue; // its test has just ended
    }
    $sp = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    $keys = [];
    foreach (['signing', 'encryption'] as $use) {
        foreach ($sp[$use] ?? [] as $certificate) {
            $keys[] = ['type' => 'X509Certificate', 'signing' => $use === 'signing', 'encryption' => $use === 'encryption', 'X509Certificate' => $certificate];
        }
    }
    $format = $sp['name_id_format'] ?? 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified';
    $filters = [10 => ['class' => 'saml:AttributeNameID', 'attribute' => $sp['name_id'] ?? 'NameID', 'Format' => $format]];
    if (isset($sp['attributes'])) {
        $filters[30] = array_merge(['class' => 'core:AttributeLimit'], $sp['attributes']);
    }
    $metadata[$sp['entity']] = [
        'AssertionConsumerService' => $sp['acs'],
        'SingleLogoutService' => [
            ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'Location' => $sp['slo']],
            ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => $sp['slo']],
        ],
        'keys' => $keys,
        'NameIDFormat' => $format,
        'authproc' => $filters,
        'saml20.sign.response' => $sp['sign_response'],
        'saml20.sign.assertion' => $sp['sign_assertion'],
        'assertion.encryption' => $sp['encrypt'],
        'validate.authnrequest' => $sp['validate_authnrequest'] ?? true,
        'validate.logout' => true,
        'sign.logout' => true,
        'redirect.sign' => true,
        'simplesaml.attributes' => true,
    ];
}
