// Sends events with posthog-node and prints, as one JSON document, what the SDK says it has sent.
//   node node.mjs '{"host": "http://…", "compression": true, "historical": false}'
import { PostHog } from 'posthog-node'

const options = JSON.parse(process.argv[2])
const client = new PostHog('phc_node', {
    host: options.host,
    flushAt: 7,
    flushInterval: 200,
    disableCompression: !options.compression,
    historicalMigration: options.historical,
    fetchRetryCount: 0,
})
const sent = []
const errors = []
client.on('flush', (messages) => sent.push(...messages))
client.on('error', (error) => errors.push(String(error)))

client.capture({ distinctId: 'n-1', event: 'plain' })
client.capture({
    distinctId: 'n-1',
    event: 'with everything',
    uuid: '018f4e7a-1b2c-7d3e-8f40-112233445566',
    timestamp: new Date(Date.now() - 60_000),
    properties: { text: 'Grüße ☃ "quoted" \\ \n', deep: { list: [1, 2.5, null, { a: [] }] }, big: 2 ** 53, no: false },
    groups: { company: 'acme' },
})
client.identify({ distinctId: 'n-2', properties: { email: 'n2@example.com', $set_once: { first: 'yes' } } })
client.alias({ distinctId: 'n-2', alias: 'n-anonymous' })
client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { name: 'Acme' } })
client.captureException(new Error('out of cheese'), 'n-3')
client.capture({ distinctId: 'n-4', event: '$ai_generation', properties: { $ai_model: 'm', $ai_input: 'hello' } })
client.capture({ distinctId: 'x'.repeat(250), event: 'long id' })
for (let n = 0; n < 40; n++) {
    client.capture({ distinctId: `n-${n % 3}`, event: 'many', properties: { n } })
}
const uuid = '018f4e7a-1b2c-7d3e-8f40-998877665544'
await client.captureImmediate({ distinctId: 'n-5', event: 'immediate', uuid })
await client.shutdown(20_000)
// When captureImmediate resolves the event is sent; no listener is told of it. Its properties are those of every event.
const { properties } = sent.find(({ event }) => event === 'plain')
sent.push({ distinct_id: 'n-5', event: 'immediate', uuid, properties })
process.stdout.write(JSON.stringify({ sent, errors }))
