/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_assets.c: the page's files, inside the program, as subscribers/web/ has them: nothing to install
 * beside it, nothing to build to change them but this file. Runs in: provisiond-web. Owns nothing: all is constant.
 * uPlot (MIT licence, served with it) comes from npm by bootstrap; without it the page has tables instead of charts. */
#include <string.h>

#include "subscribers/provisiond-web.h"

/* Puts a file's bytes into the program; the assembler reads it, so that its size is no matter. */
#define EMBED(symbol, file)                                                                                            \
    extern const unsigned char web_##symbol##_begin[], web_##symbol##_end[];                                           \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".global web_" #symbol "_begin\n.global web_" #symbol "_end\n"                                             \
            "web_" #symbol "_begin:\n.incbin \"" file "\"\n"                                                           \
            "web_" #symbol "_end:\n.byte 0\n.popsection\n")

#define PAGES(P)                                                                                                       \
    P(index, "/", HTML, "index.html")                                                                                  \
    P(style, "/style.css", CSS, "style.css")                                                                           \
    P(icon, "/icon.svg", "image/svg+xml", "icon.svg")                                                                  \
    P(app, "/app.js", SCRIPT, "app.js")                                                                                \
    P(state, "/state.js", SCRIPT, "state.js")                                                                          \
    P(words, "/words.js", SCRIPT, "words.js")                                                                          \
    P(dom, "/dom.js", SCRIPT, "dom.js")                                                                                \
    P(overview, "/overview.js", SCRIPT, "overview.js")                                                                 \
    P(type, "/type.js", SCRIPT, "type.js")                                                                             \
    P(pages, "/pages.js", SCRIPT, "pages.js")                                                                          \
    P(charts, "/charts.js", SCRIPT, "charts.js")                                                                       \
    P(actions, "/actions.js", SCRIPT, "actions.js")

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

#define EMBED_PAGE(symbol, path, type, file) EMBED(symbol, "subscribers/web/" file);
PAGES(EMBED_PAGE)

#define UPLOT "build/npm/node_modules/uplot/"
#if __has_include("build/npm/node_modules/uplot/dist/uPlot.iife.min.js")
#define HAVE_UPLOT 1
EMBED(uplot, UPLOT "dist/uPlot.iife.min.js");
EMBED(uplot_style, UPLOT "dist/uPlot.min.css");
EMBED(uplot_licence, UPLOT "LICENSE");
#else
#define HAVE_UPLOT 0
#endif

#define ROW(symbol, path, type) {path, type, web_##symbol##_begin, 0}, {"", "", web_##symbol##_end, 0},
#define PAGE_ROW(symbol, path, type, file) ROW(symbol, path, type)

/* Pairs: a file, and where it ends. */
static const struct asset marks[] = {PAGES(PAGE_ROW)
#if HAVE_UPLOT
                                         ROW(uplot, "/uplot.js", SCRIPT) ROW(uplot_style, "/uplot.css", CSS)
                                             ROW(uplot_licence, "/uplot-licence.txt", "text/plain; charset=utf-8")
#endif
};

/* A page that asks for what was not built in gets an empty file: a missing one would be an error in its console. */
static const struct asset absent[] = {{"/uplot.js", SCRIPT, (const unsigned char *)"", 0},
                                      {"/uplot.css", CSS, (const unsigned char *)"", 0}};

const struct asset *asset_of(const char *path)
{
    static struct asset found;

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i += 2) {
        if (strcmp(marks[i].path, path) != 0)
            continue;
        found = marks[i];
        found.size = (size_t)(marks[i + 1].bytes - marks[i].bytes);
        return &found;
    }
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (strcmp(absent[i].path, path) == 0)
            return &absent[i];
    return NULL;
}
