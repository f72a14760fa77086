// One round of SHA-256 (FIPS 180-4, 6.2.2, step 3) without its registers.
//
// before, after    the working variables {a, b, c, d, e, f, g, h}
// addends          TERMS words whose sum is K[t] + W[t]
module round #(
    parameter TERMS = 2, ADDER = 0
) (
    input [255:0] before,
    input [32*TERMS-1:0] addends,
    output [255:0] after
);
    localparam PARTS = (ADDER == 0) ? 1 : 2;  // words that an unfinished sum takes

    wire [31:0] a, b, c, d, e, f, g, h;
    assign {a, b, c, d, e, f, g, h} = before;

    wire [31:0] s0, s1, ch, maj;
    big_sigma0 sigma_a (.x(a), .y(s0));
    big_sigma1 sigma_e (.x(e), .y(s1));
    choose choose (.e(e), .f(f), .g(g), .y(ch));
    majority majority (.a(a), .b(b), .c(c), .y(maj));

    wire [32*PARTS-1:0] t1;
    wire [31:0] new_a, new_e;
    reduce #(.N(TERMS + 3), .M(PARTS), .ADDER(ADDER)) sum_t1 (.words({h, addends, ch, s1}), .result(t1));
    reduce #(.N(PARTS + 1), .ADDER(ADDER)) sum_e (.words({d, t1}), .result(new_e));
    reduce #(.N(PARTS + 2), .ADDER(ADDER)) sum_a (.words({s0, maj, t1}), .result(new_a));
    assign after = {new_a, a, b, c, new_e, e, f, g};
endmodule
