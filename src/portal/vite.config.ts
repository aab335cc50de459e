import { defineConfig } from "vite";

// The pages are served at /graphql, /portal, /driver and /track while their files live under /static/pages/, so every link is absolute.
export default defineConfig({
  base: "/static/pages/",
  publicDir: "public",
  build: {
    target: "es2022",
    sourcemap: false,
    emptyOutDir: true,
    // No data: addresses, so that a strict content security policy needs no exception for them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      input: {
        graphiql: "graphiql/index.html",
        portal: "portal/index.html",
        driver: "driver/index.html",
        track: "track/index.html",
      },
    },
  },
  worker: { format: "es" },
});
