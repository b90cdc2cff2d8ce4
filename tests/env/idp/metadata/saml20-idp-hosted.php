<?php
// One provider a process. Each service provider's file decides on signing and encryption.
$name = getenv('IDP_NAME');
$metadata[getenv('IDP_ENTITY')] = [
    'host' => '__DEFAULT__',
    'privatekey' => "$name.key",
    'certificate' => "$name.pem",
    'auth' => 'people',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    'SingleSignOnServiceBinding' => [
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
    ],
    'SingleLogoutServiceBinding' => [
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
    ],
    // The attribute NameID has become the subject's NameID (saml20-sp-remote.php) and is not sent.
    'authproc' => [
        20 => ['class' => 'core:PHP', 'code' => 'unset($attributes["NameID"]);'],
    ],
];
