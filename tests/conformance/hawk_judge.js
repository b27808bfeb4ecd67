// SPDX-License-Identifier: MPL-2.0
// hawk_judge.js: npm's hawk as a server. Each line of standard input is a request; each line of output its verdict.
'use strict';
const hawk = require('hawk');
const readline = require('readline');

async function judge(line) {
    const request = { method: line.method, url: line.resource, host: line.host, port: line.port,
                      authorization: line.authorization };
    const lookUp = async (id) => id === line.id ? { id, key: line.key, algorithm: 'sha256' } : null;
    const options = { timestampSkewSec: 900, localtimeOffsetMsec: line.serverSeconds * 1000 - Date.now() };
    try {
        const { artifacts } = await hawk.server.authenticate(request, lookUp, options);
        return { ok: true, ext: artifacts.ext || null, hash: artifacts.hash || null, nonce: artifacts.nonce };
    } catch (error) {
        const headers = error.output ? error.output.headers : {};
        return { ok: false, error: error.message, header: headers['WWW-Authenticate'] || null };
    }
}

(async () => {
    for await (const text of readline.createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await judge(JSON.parse(text))));
    }
})();
