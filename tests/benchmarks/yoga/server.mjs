// The event log as graphql-yoga and graphql-ws serve it by their manuals: woken by NOTIFY, read from the table once, published to all.
// node server.mjs <database address> <tenant id>: writes the port it listens at to its output.
import { createServer } from 'node:http'
import { createPubSub, createSchema, createYoga, filter, pipe } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import pg from 'pg'
import { WebSocketServer } from 'ws'

const [, , database, tenant] = process.argv
const pubSub = createPubSub()

const schema = createSchema({
  typeDefs: /* GraphQL */ `
    scalar DateTime
    input EventFilter { orderIds: [ID!] }
    type Event { id: ID! aggregateVersion: Int! recordedAt: DateTime! occurredAt: DateTime! orderId: ID }
    type EventStreamItem { cursor: String! event: Event }
    type Query { hello: String }
    type Subscription { events(filter: EventFilter): EventStreamItem! }
  `,
  resolvers: {
    Subscription: {
      events: {
        subscribe: (_, args) => {
          const wanted = args.filter?.orderIds ? new Set(args.filter.orderIds) : null
          const all = pubSub.subscribe('events')
          return wanted === null ? all : pipe(all, filter(row => wanted.has(row.order_id)))
        },
        resolve: row => row,
      },
    },
    EventStreamItem: { cursor: row => row.seq, event: row => row },
    Event: {
      aggregateVersion: row => row.aggregate_version,
      recordedAt: row => row.recorded_at.toISOString(),
      occurredAt: row => row.occurred_at.toISOString(),
      orderId: row => row.order_id,
    },
  },
})

const yoga = createYoga({ schema, graphiql: false, logging: false })
const http = createServer(yoga)
useServer(
  {
    execute: args => args.rootValue.execute(args),
    subscribe: args => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        req: ctx.extra.request,
        socket: ctx.extra.socket,
        params,
      })
      const document = parse(params.query)
      const errors = validate(schema, document)
      if (errors.length) return errors
      return {
        schema,
        document,
        operationName: params.operationName,
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      }
    },
  },
  new WebSocketServer({ server: http, path: yoga.graphqlEndpoint }),
)

const client = new pg.Client({ connectionString: database })
await client.connect()
let last = (await client.query('SELECT max(seq) AS seq FROM events WHERE tenant_id = $1', [tenant])).rows[0].seq
let again = false
let reading = false
const READ = `SELECT id, seq, aggregate_version, recorded_at, occurred_at, order_id FROM events
  WHERE tenant_id = $1 AND seq > $2 ORDER BY seq`

async function read() {
  again = true
  if (reading) return
  reading = true
  while (again) {
    again = false
    for (const row of (await client.query(READ, [tenant, last])).rows) {
      last = row.seq
      pubSub.publish('events', row)
    }
  }
  reading = false
}

client.on('notification', read)
await client.query('LISTEN bench')
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
