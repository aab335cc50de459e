import { defineConfig } from "vite";

// The page is served at /graphql while its files live under /static/graphiql/, so every link in it is absolute.
export default defineConfig({
  root: "graphiql",
  base: "/static/graphiql/",
  build: {
    target: "es2022",
    sourcemap: false,
    emptyOutDir: true,
    // No data: addresses, so that a strict content security policy needs no exception for them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
  },
  worker: { format: "es" },
});
